"""A failure of one process ends a distributed run within a minute, and its message says why, however it was started."""

import shutil
from pathlib import Path

import pytest
from weekly.rank_failures import Ground, fail_by_hand, fail_under_torchrun

from mmtscam.registry import DATASETS


@pytest.fixture
def ground(tiny_config, sample_set, checkpoint, tmp_path):
    tiny_config.pop('experiment_name')
    tiny_config.test_dataloader.batch_size = tiny_config.train_dataloader.batch_size = 2
    tiny_config.custom_imports = dict(imports=['rank_faults'], allow_failed_imports=False)
    broken, gone = tmp_path / 'broken', tmp_path / 'gone'
    shutil.copytree(sample_set, broken)
    shutil.copytree(sample_set, gone)
    for split, index in (('train', 5), ('test', 3)):
        info = DATASETS.build(tiny_config[f'{split}_dataloader'].dataset.copy()).get_data_info(index)
        image = Path(info['img_path']).relative_to(sample_set)
        (broken / image).write_bytes(b'no image')
        (gone / image).unlink()
    return Ground(tmp_path, tiny_config, checkpoint, broken, gone)


@pytest.mark.parametrize('fail', [fail_by_hand, fail_under_torchrun])
def test_all_end_within_a_minute_and_one_message_says_why(fail, ground):
    table, wrong = fail(ground)
    print(f'\n{table}')
    assert not wrong, '\n'.join([table, *wrong])
