import shutil
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import pytest
from mmengine.runner import Runner
from PIL import Image

from mmtscam.registry import HOOKS
from mmtscam.utils.images import read_image
from mmtscam.visualization.drawing import PREDICTED_COLOR


def test_pictures_of_a_test(tiny_config, sample_set, tmp_path):
    tiny_config.default_hooks.visualization.update(draw=True, interval=5, test_out_dir=str(tmp_path / 'pictures'))
    Runner.from_cfg(tiny_config).test()
    pictures = sorted((tmp_path / 'pictures').iterdir())
    assert [path.name[:6] for path in pictures] == ['000000', '000005', '000010', '000015']
    picture = cv2.imread(str(pictures[0]))
    caption, panel_height, legend, gap = 44, 240, 25, 6
    assert picture.shape[0] == caption + panel_height + gap + legend
    # Five panels: image, attention, semantic map, coupled map, boxes.
    panel = (picture.shape[1] - 4 * gap) // 5
    assert picture.shape[1] == 5 * panel + 4 * gap
    # In its own colours: the first panel is the image.
    source = cv2.imread(str(sample_set / 'images' / '001.Crested_Zeb' / 'Crested_Zeb_0004.jpg'))
    shown = cv2.resize(
        picture[caption : caption + panel_height, :panel], source.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert abs(shown.astype(float) - source).mean() < 10


@pytest.mark.parametrize('color_type', ['color', 'color_ignore_orientation'])
@pytest.mark.slow
def test_photographs_are_drawn_as_the_pipeline_turned_them(tiny_config, sample_set, tmp_path, color_type):
    root = shutil.copytree(sample_set, tmp_path / 'sample')
    photograph = root / 'images' / '001.Crested_Zeb' / 'Crested_Zeb_0004.jpg'
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down: the shape does not tell
    with Image.open(photograph) as image:
        image.load()
        image.save(photograph, exif=exif, quality=95)
    dataset = tiny_config.test_dataloader.dataset
    dataset.dataset.data_root = str(root)
    dataset.pipeline[0] = dict(type='LoadImageFromFile', color_type=color_type)
    tiny_config.default_hooks.visualization.update(draw=True, interval=16, test_out_dir=str(tmp_path / 'pictures'))
    Runner.from_cfg(tiny_config).test()
    (path,) = (tmp_path / 'pictures').iterdir()
    expected = read_image(str(photograph), upright=color_type == 'color')
    panel = cv2.imread(str(path))[44:284, :240, ::-1]
    shown = cv2.resize(expected, panel.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    assert abs(shown.astype(float) - panel).mean() < 10 < abs(shown[::-1, ::-1].astype(float) - panel).mean()


def test_boxes_of_low_scores_are_left_out(tiny_config, tmp_path):
    """With the argument of mmdet's hook."""
    pictures = {}
    for number, thr in enumerate((0.0, 1.1)):
        tiny_config.experiment_name = f'{tmp_path.name}_{number}'
        out_dir = tmp_path / str(number)
        tiny_config.default_hooks.visualization.update(draw=True, interval=16, score_thr=thr, test_out_dir=str(out_dir))
        Runner.from_cfg(tiny_config).test()
        (path,) = out_dir.iterdir()
        pictures[thr] = cv2.imread(str(path))[..., ::-1]
    assert [(picture == PREDICTED_COLOR).all(axis=-1).any() for picture in pictures.values()] == [True, False]


def test_pictures_of_a_validation_go_to_the_back_ends(tiny_config, tmp_path):
    tiny_config.default_hooks.visualization.update(draw=True, interval=8, test_out_dir=str(tmp_path / 'pictures'))
    del tiny_config.default_hooks.checkpoint.save_best  # which asks for a training
    Runner.from_cfg(tiny_config).val()
    assert not (tmp_path / 'pictures').exists()
    assert len(list(Path(tiny_config.work_dir).rglob('0000*.png'))) == 2


def test_nothing_is_drawn_by_default(tiny_config, tmp_path):
    tiny_config.default_hooks.visualization.test_out_dir = str(tmp_path / 'pictures')
    Runner.from_cfg(tiny_config).test()
    assert not (tmp_path / 'pictures').exists()


def test_interval_must_be_positive():
    with pytest.raises(ValueError, match='interval must be at least 1, got 0'):
        HOOKS.build(dict(type='LocVisualizationHook', interval=0))


@pytest.mark.parametrize('draw', [True, False])
def test_windows_without_a_display_are_refused_before_the_run(draw):
    hook = HOOKS.build(dict(type='LocVisualizationHook', draw=draw, show=True))
    before = plt.get_backend()
    plt.switch_backend('agg')
    try:
        if draw:
            with pytest.raises(ValueError, match='no window can be opened to show pictures'):
                hook.before_run(None)
        else:
            hook.before_run(None)
    finally:
        plt.switch_backend(before)
