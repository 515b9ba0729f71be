"""The commands and snippets of ``configs/mmdet/README.md`` that need compiled mmcv."""

import shutil

import compiled_ops  # noqa: F401 - skips this module without them
import pytest
from mmengine.config import Config
from pages import REPO, Runner, make_workplace, read_page
from pages.small import SMALL, WEIGHTS, WIDTH, make_small, save_checkpoint, shrink_detector, write_config

PAGE = read_page('configs/mmdet/README.md')
BLOCKS = [block for block in PAGE.blocks if 'tests/with_mmdet/test_pages.py' in block.runners]
# They write the files of the others anew, of ten classes.
TEN_CLASSES = [block for block in BLOCKS if 'cub10' in block.text]


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    folder = make_workplace(tmp_path_factory.mktemp('pages') / 'checkout')
    make_small(folder)
    configs = folder / 'configs'
    for path in (REPO / 'configs' / 'mmdet').glob('*.py'):
        cfg = Config.fromfile(path)
        shrink_detector(cfg)
        if cfg.model.backbone.type == 'mmtscam.TSCAMDeiT':
            cfg.model.neck.in_channels = WIDTH
            cfg.model.backbone.update(arch=SMALL, init_cfg=dict(type='Pretrained', checkpoint=WEIGHTS))
        write_config(cfg, configs / 'mmdet' / path.name)
    sat, tscam = configs / 'sat' / 'sat_deit-s_cub.py', configs / 'tscam_deit-t_cub_released.py'
    save_checkpoint(sat, folder / 'work_dirs' / 'sat_deit-s_cub' / 'epoch_30.pth')
    save_checkpoint(tscam, folder / 'work_dirs' / 'cub10_26' / 'epoch_20.pth', num_classes=10)
    shutil.copy(sat, folder / 'config.py')
    shutil.copy(folder / 'work_dirs' / 'sat_deit-s_cub' / 'epoch_30.pth', folder / 'checkpoint.pth')
    (folder / 'images').mkdir()
    shutil.copy(folder / 'a.jpg', folder / 'images')
    runner = Runner(folder)
    yield runner
    runner.close()


def test_from_image_labels_to_a_detector_and_mmdets_tools(runner):
    # The page begins with the command to which the others lead.
    runner.run(PAGE, lambda block: block in BLOCKS[1:] and block not in TEN_CLASSES)
    runner.run(PAGE, lambda block: block == BLOCKS[0])
    folder = runner.workplace
    assert (folder / 'work_dirs' / 'predictions.pkl').is_file()
    assert list((folder / 'outputs').rglob('*.json'))
    assert list((folder / 'work_dirs' / 'faster-rcnn_r50_fpn_cub_pseudo').glob('epoch_*.pth'))


def test_the_results_of_ten_classes(runner):
    data = runner.workplace / 'data' / 'CUB_200_2011'
    for name in ('pseudo', 'coco'):
        shutil.rmtree(data / name, ignore_errors=True)
    assert TEN_CLASSES
    runner.run(PAGE, lambda block: block in TEN_CLASSES)
    assert len(list(runner.workplace.glob('work_dirs/*cub10*/epoch_1.pth'))) == 2
