"""Whose best checkpoints a training may remove."""

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

from mmtscam.engine.best_checkpoints import forget_other_folders


@pytest.fixture
def hub(request):
    return MessageHub(f'{request.node.name}')


def _hook(best):
    hook = CheckpointHook(save_best=best)
    hook.out_dir = '/runs/second/'
    hook.best_ckpt_path, hook.best_ckpt_path_dict = None, {}
    return hook


def test_a_file_of_another_folder_stays(hub):
    hook = _hook('acc')
    hub.update_info('best_ckpt', '/runs/first/best_acc_epoch_2.pth')
    hub.update_info('best_score', 61.5)
    assert forget_other_folders([hook], hub) == ['/runs/first/best_acc_epoch_2.pth']
    assert hook.best_ckpt_path == hub.get_info('best_ckpt') == '/runs/second/best_acc_epoch_2.pth'
    assert hub.get_info('best_score') == 61.5


def test_several_numbers(hub):
    hook = _hook(['acc_a', 'acc_b'])
    hub.update_info('best_ckpt_acc_a', '/runs/first/best_acc_a_epoch_1.pth')
    hub.update_info('best_ckpt_acc_b', '/runs/second/best_acc_b_epoch_2.pth')
    assert forget_other_folders([hook], hub) == ['/runs/first/best_acc_a_epoch_1.pth']
    assert hook.best_ckpt_path_dict == {'acc_a': '/runs/second/best_acc_a_epoch_1.pth'}
    assert hub.get_info('best_ckpt_acc_b') == '/runs/second/best_acc_b_epoch_2.pth'


def test_nothing_to_forget(hub):
    assert forget_other_folders([_hook('acc'), _hook(None)], hub) == []
