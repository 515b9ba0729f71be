"""Each config of ``configs/mmdet`` trains, predicts and is scored by the Runner, on the sample set."""

import json
import math
from pathlib import Path

import compiled_ops  # noqa: F401
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from pages.small import shrink_detector
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'mmdet'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py'))
CLASSES = Config.fromfile(FOLDER / '_base_' / 'cub.py').cub_metainfo.classes


def coco(root, training, classes):
    """One half of a data set in CUB's layout as a COCO file with the categories ``classes``."""
    rows = {
        name: [line.split() for line in (root / f'{name}.txt').read_text().splitlines()]
        for name in ('images', 'image_class_labels', 'train_test_split', 'bounding_boxes')
    }
    images, annotations = [], []
    for (key, path), (_, label), (_, split), (_, *box) in zip(*rows.values(), strict=True):
        if int(split) != training:
            continue
        width, height = Image.open(root / 'images' / path).size
        images.append(dict(id=int(key), file_name=f'images/{path}', width=width, height=height))
        box = [float(value) for value in box]
        category = 1 if len(classes) == 1 else int(label)
        annotations.append(
            dict(id=int(key), image_id=int(key), category_id=category, bbox=box, area=box[2] * box[3], iscrowd=0)
        )
    categories = [dict(id=index + 1, name=name) for index, name in enumerate(classes)]
    return dict(images=images, annotations=annotations, categories=categories)


@pytest.fixture(scope='module')
def data(sample_set, tmp_path_factory):
    """The sample set where the configs look for CUB, with pseudo and true boxes and the names of CUB's classes."""
    folder = tmp_path_factory.mktemp('detectors')
    root = folder / 'data' / 'CUB_200_2011'
    for name, training in (('pseudo/train', 1), ('coco/train', 1), ('coco/test', 0)):
        for suffix, classes in (('', CLASSES), ('_agnostic', ['object'])):
            path = root / f'{name}{suffix}.json'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(coco(sample_set, training, classes)))
    (root / 'images').symlink_to(sample_set / 'images')
    return folder


@pytest.mark.parametrize('name', NAMES)
def test_trains_and_is_evaluated(name, data, tmp_path, monkeypatch):
    monkeypatch.chdir(data)
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    shrink_detector(cfg)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name  # mmengine wants another for every Runner of a process
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    for loss in ('train/loss', 'train/loss_cls', 'train/loss_bbox'):
        assert math.isfinite(scalars[loss].current())
        assert scalars[loss].current() > 0
    for figure in ('bbox_mAP', 'bbox_mAP_50'):
        assert 0 <= scalars[f'val/coco/{figure}'].current() <= 1

    # mmdet needs nothing but the files of the run to predict and draw.
    from mmdet.apis import inference_detector, init_detector
    from mmdet.registry import VISUALIZERS

    model = init_detector(cfg, str(tmp_path / 'epoch_1.pth'), device='cpu')
    classes = tuple(cfg.test_dataloader.dataset.metainfo.classes)
    assert tuple(model.dataset_meta['classes']) == classes
    result = inference_detector(model, str(next(data.glob('data/CUB_200_2011/images/*/*.jpg'))))
    assert len(result.pred_instances)
    assert int(result.pred_instances.labels.max()) < len(classes)
    result.pred_instances.labels[-1] = len(classes) - 1
    visualizer = VISUALIZERS.build({**cfg.visualizer, 'name': tmp_path.name})
    visualizer.dataset_meta = model.dataset_meta
    image = np.zeros((*result.ori_shape, 3), np.uint8)
    visualizer.add_datasample('image', image, result, draw_gt=False, pred_score_thr=0, out_file=str(tmp_path / 'a.png'))
    assert np.asarray(Image.open(tmp_path / 'a.png')).any()
