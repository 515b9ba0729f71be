"""Images on which files are compared: named ones, or those of a config's test set with their true boxes."""

import copy
from collections.abc import Sequence

import numpy as np
from mmengine.config import Config

from mmtscam.apis.pipelines import find_pipeline
from mmtscam.datasets.transforms import LoadResizedImage
from mmtscam.evaluation.samples import shows_object
from mmtscam.pseudo_labels import build_dataset
from mmtscam.utils.config import config_name
from mmtscam.utils.images import spread_evenly

from .agreement import CheckImage


def images_of_files(paths: Sequence[str], input_size: tuple[int, int]) -> list[CheckImage]:
    """Read image files, resized without regard to their proportions.

    Args:
        paths: Paths of the files.
        input_size: ``(height, width)``.

    Returns:
        The images, without truth.

    Raises:
        OSError: If a file cannot be read.
    """
    resize = LoadResizedImage(scale=input_size[::-1])
    images = []
    for path in paths:
        try:
            pixels = resize.transform(dict(img_path=path))['img']
        except OSError as error:
            raise OSError(f'{path}: cannot be read as an image: {str(error).partition(" <_io")[0]}') from error
        images.append(CheckImage(np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1))))
    return images


def images_of_test_set(cfg: Config, input_size: tuple[int, int], most: int) -> list[CheckImage]:
    """Read images of a config's test set, as its test pipeline does.

    Args:
        cfg: The config.
        input_size: ``(height, width)``, which takes the place of the
            pipeline's scale.
        most: Largest number of images; they are evenly spread.

    Returns:
        The images, with the truth where class and boxes are known.

    Raises:
        FileNotFoundError: If the data set is not there.
        ValueError: If the config has none, or its pipeline makes images of
            another size, as one that crops does.
    """
    steps = find_pipeline(cfg)
    for step in steps:
        if step.get('scale'):
            step['scale'] = input_size[::-1]
    boxes = copy.deepcopy(cfg.test_dataloader.dataset.get('boxes'))
    dataset = build_dataset(cfg, 'test', pipeline=steps, **(dict(boxes=boxes) if boxes else {}))
    images = []
    for index in spread_evenly(range(len(dataset)), most):
        data = dataset[index]
        pixels, truth = data['inputs'].numpy()[::-1], data['data_samples'].to_dict()
        if pixels.shape[1:] != tuple(input_size):
            raise ValueError(
                f'{config_name(cfg)}: its test pipeline makes images of {pixels.shape[1]}x{pixels.shape[2]}, not of '
                f'{input_size[0]}x{input_size[1]}'
            )
        known = 'gt_label' in truth and 'gt_instances' in truth and shows_object(truth)
        images.append(CheckImage(np.ascontiguousarray(pixels), truth if known else None))
    if not images:
        raise ValueError(f'{config_name(cfg)}: its test set has no images')
    return images
