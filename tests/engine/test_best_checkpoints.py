"""Whose best checkpoints a training may remove."""

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

from mmtscam.engine.best_checkpoints import forget_other_folders


@pytest.fixture
def hub(request):
    return MessageHub(f'{request.node.name}')


@pytest.fixture
def first(tmp_path):
    """Folder of a training, beside that of the one that goes on."""
    (tmp_path / 'first').mkdir()
    for name in ('best_acc_epoch_2.pth', 'best_acc_a_epoch_1.pth'):
        (tmp_path / 'first' / name).touch()
    return tmp_path / 'first'


def _hook(best, folder):
    hook = CheckpointHook(save_best=best)
    hook.out_dir = f'{folder}/'
    hook.best_ckpt_path, hook.best_ckpt_path_dict = None, {}
    return hook


def test_a_file_of_another_folder_stays(hub, first):
    second = first.parent / 'second'
    hook = _hook('acc', second)
    hub.update_info('best_ckpt', f'{first}/best_acc_epoch_2.pth')
    hub.update_info('best_score', 61.5)
    assert forget_other_folders([hook], hub) == [f'{first}/best_acc_epoch_2.pth']
    assert hook.best_ckpt_path == hub.get_info('best_ckpt') == f'{second}/best_acc_epoch_2.pth'
    assert hub.get_info('best_score') == 61.5


def test_several_numbers(hub, first):
    second = first.parent / 'second'
    hook = _hook(['acc_a', 'acc_b'], second)
    hub.update_info('best_ckpt_acc_a', f'{first}/best_acc_a_epoch_1.pth')
    hub.update_info('best_ckpt_acc_b', f'{second}/best_acc_b_epoch_2.pth')
    assert forget_other_folders([hook], hub) == [f'{first}/best_acc_a_epoch_1.pth']
    assert hook.best_ckpt_path_dict == {'acc_a': f'{second}/best_acc_a_epoch_1.pth'}
    assert hub.get_info('best_ckpt_acc_b') == f'{second}/best_acc_b_epoch_2.pth'


def test_a_folder_that_was_moved(hub, first):
    hook = _hook('acc', first)
    hub.update_info('best_ckpt', f'{first.parent}/earlier/best_acc_epoch_2.pth')
    assert forget_other_folders([hook], hub) == []
    assert hook.best_ckpt_path == f'{first}/best_acc_epoch_2.pth'


def test_nothing_to_forget(hub, first):
    assert forget_other_folders([_hook('acc', first), _hook(None, first)], hub) == []
