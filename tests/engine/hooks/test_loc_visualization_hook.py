import cv2
import pytest
from mmengine.runner import Runner

from mmtscam.registry import HOOKS


def test_pictures_of_a_test(tiny_config, sample_set, tmp_path):
    tiny_config.default_hooks.visualization.update(enable=True, interval=5, out_dir=str(tmp_path / 'pictures'))
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


def test_nothing_is_drawn_by_default(tiny_config, tmp_path):
    tiny_config.default_hooks.visualization.out_dir = str(tmp_path / 'pictures')
    Runner.from_cfg(tiny_config).test()
    assert not (tmp_path / 'pictures').exists()


def test_interval_must_be_positive():
    with pytest.raises(ValueError, match='interval must be at least 1, got 0'):
        HOOKS.build(dict(type='LocVisualizationHook', interval=0))
