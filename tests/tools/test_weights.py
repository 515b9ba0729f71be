"""One file of weights, of another library's making, wherever a user names one."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tool_runs import serve_tools

from mmtscam.models.checkpoints import to_reference
from mmtscam.models.checkpoints.files import BACKBONE_SETTING
from mmtscam.registry import MODELS


@pytest.mark.slow
def test_every_tool_takes_the_same_files(tool_config, tmp_path):
    """The same TS-CAM as a checkpoint of ours and as the authors would store it with safetensors, and what fits not."""
    model = MODELS.build(tool_config.model)
    model.init_weights()
    state = model.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'ours.pth')
    foreign = {f'_orig_mod.{name}': value.clone() for name, value in to_reference(state).items()}
    save_file(foreign, tmp_path / 'theirs.safetensors')
    save_file({'layer1.0.conv1.weight': torch.ones(1)}, tmp_path / 'resnet.safetensors')
    tool_config.train_dataloader.dataset.indices = 8
    tool_config.train_cfg = dict(by_epoch=True, max_epochs=1)
    tool_config.val_cfg = tool_config.val_dataloader = tool_config.val_evaluator = None
    tool_config.default_hooks.checkpoint.pop('save_best')
    tool_config.optim_wrapper.optimizer.lr = 0.0
    tool_config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='ours.pth')
    tool_config.dump(tmp_path / 'tiny.py')
    train = ('train.py', 'tiny.py', '--work-dir')
    printed = serve_tools(
        tmp_path,
        {
            'ours': ('test.py', 'tiny.py', 'ours.pth', '--out', 'ours.json', '--out-item', 'metrics'),
            'theirs': ('test.py', 'tiny.py', 'theirs.safetensors', '--out', 'theirs.json', '--out-item', 'metrics'),
            'resnet': ('test.py', 'tiny.py', 'resnet.safetensors'),
            'start': (*train, 'start', '--cfg-options', 'load_from=theirs.safetensors'),
            'resume': (*train, 'resume', '--resume', 'theirs.safetensors'),
            'other': (
                *train, 'other', '--cfg-options', f'{BACKBONE_SETTING}=theirs.safetensors',
                'model.backbone.patch_size=16', 'model.backbone.layer_scale_init_value=0.1',
            ),
        },
        refused=('resnet', 'resume', 'other'),
    )  # fmt: skip
    assert json.loads((tmp_path / 'ours.json').read_text()) == json.loads((tmp_path / 'theirs.json').read_text())
    trained = torch.load(tmp_path / 'start' / 'epoch_1.pth')['state_dict']
    assert all(torch.equal(trained[name], value) for name, value in state.items())  # the rate is 0

    last = {name: text.rstrip().splitlines()[-1] for name, text in printed.items()}
    assert last['resnet'].startswith(
        'resnet.safetensors: holds no backbone and head of a config, it seems to be a ResNet of another library; to '
        'start from its backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from. First differences'
    )
    assert last['resume'] == (
        'theirs.safetensors: has weights, but no optimizer and epoch to resume a training: start from it without '
        '--resume, with load_from'
    )
    assert last['other'].startswith(
        'theirs.safetensors: does not fit this TSCAMDeiT, it seems to be a vision transformer (width 32, 2 blocks, '
        'patches of 8); set model.backbone.patch_size=8 and model.backbone.layer_scale_init_value=0, or name another'
    )
    assert 'Traceback' not in ''.join(printed[name] for name in ('resnet', 'resume', 'other'))
