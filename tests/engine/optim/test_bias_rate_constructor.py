import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmtscam.registry import MODELS


def rates(model, constructor='BiasRateConstructor', **paramwise):
    """Name of each parameter to its rate, where the base is 1."""
    cfg = dict(constructor=constructor, optimizer=dict(type='SGD', lr=1.0, weight_decay=0.1), paramwise_cfg=paramwise)
    groups = build_optim_wrapper(model, cfg).optimizer.param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters(remove_duplicate=False)}
    return {names[id(parameter)]: group['lr'] for group in groups for parameter in group['params']}


def small_model():
    return nn.ModuleDict(
        dict(
            backbone=nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1, bias=False)),
            head=nn.Sequential(nn.Sequential(nn.Conv2d(4, 5, 1), nn.GroupNorm(1, 5)), nn.Conv2d(5, 6, 1)),
        )
    )


HEAD = dict(head=dict(lr_mult=10))


@pytest.mark.parametrize(
    ('constructor', 'fast'),
    [('BiasRateConstructor', 20), ('DefaultOptimWrapperConstructor', 10)],
    ids=['ours', "mmengine's, the reason for ours"],
)
def test_vgg16_cam(repo, constructor, fast):
    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'models' / 'cam_vgg16.py')
    model = MODELS.build(cfg.model)
    expected = {
        name: (fast if name.endswith('.bias') else 10) if name.startswith('head.') else 1 + name.endswith('.bias')
        for name, _ in model.named_parameters()
    }
    assert sorted({*expected.values()}) == sorted({1, 2, 10, fast})
    assert rates(model, constructor, bias_lr_mult=2, custom_keys=HEAD) == expected


def test_biases_of_norm_layers_too():
    model = small_model()
    ours = rates(model, bias_lr_mult=3, custom_keys=HEAD)
    assert ours == {
        'backbone.0.weight': 1,
        'backbone.0.bias': 3,
        'backbone.1.weight': 1,
        'backbone.1.bias': 3,
        'backbone.2.weight': 1,
        'head.0.0.weight': 10,
        'head.0.0.bias': 30,
        'head.0.1.weight': 10,
        'head.0.1.bias': 30,
        'head.1.weight': 10,
        'head.1.bias': 30,
    }
    theirs = rates(model, 'DefaultOptimWrapperConstructor', bias_lr_mult=3, custom_keys=HEAD)
    assert {name for name in ours if ours[name] != theirs[name]} == {
        'backbone.1.bias',
        'head.0.0.bias',
        'head.0.1.bias',
        'head.1.bias',
    }


def test_a_key_without_a_rate():
    """mmengine gives its parameters the base rate."""
    ours = rates(small_model(), bias_lr_mult=3, custom_keys=dict(head=dict(decay_mult=0.0)))
    assert (ours['head.1.weight'], ours['head.1.bias'], ours['head.0.1.bias']) == (1, 3, 3)


def test_without_keys_and_norms_all_is_as_in_mmengine():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Linear(4, 2), nn.Conv2d(4, 4, 1, bias=False))
    assert rates(model, bias_lr_mult=3) == rates(model, 'DefaultOptimWrapperConstructor', bias_lr_mult=3)


def test_nothing_is_said_of_frozen_parts(capsys):
    model = torch.nn.ModuleDict(dict(a=torch.nn.Linear(2, 2), b=torch.nn.Sequential(torch.nn.Linear(2, 2))))
    model['b'].requires_grad_(False)
    cfg = dict(
        constructor='BiasRateConstructor', optimizer=dict(type='SGD', lr=1.0), paramwise_cfg=dict(bias_lr_mult=2)
    )
    groups = build_optim_wrapper(model, cfg).optimizer.param_groups
    assert [group['lr'] for group in groups] == [1.0, 2.0]
    assert 'requires_grad' not in ''.join(capsys.readouterr())


def test_frozen_and_shared_biases():
    model = small_model()
    model['head'][1].bias.requires_grad_(False)
    model['more'] = nn.Conv2d(5, 5, 1)
    model['more'].bias = model['head'][0][0].bias
    ours = rates(model, bias_lr_mult=3, custom_keys={**HEAD, 'more': dict(lr_mult=7)}, bypass_duplicate=True)
    assert 'head.1.bias' not in ours
    assert (ours['more.weight'], ours['more.bias']) == (7, 30)  # the rate of its first owner


def test_a_step_moves_biases_by_their_rates():
    model = small_model()
    cfg = dict(
        constructor='mmtscam.BiasRateConstructor',
        optimizer=dict(type='SGD', lr=0.1),
        paramwise_cfg=dict(bias_lr_mult=2, custom_keys=HEAD),
    )
    wrapper = build_optim_wrapper(model, cfg)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    wrapper.update_params(sum(parameter.sum() for parameter in model.parameters()))
    moved = {name: before[name] - value.detach() for name, value in model.named_parameters()}
    torch.testing.assert_close(moved['backbone.0.bias'], torch.full((4,), 0.2))
    torch.testing.assert_close(moved['head.1.bias'], torch.full((6,), 2.0))
    torch.testing.assert_close(moved['head.0.1.bias'], torch.full((5,), 2.0))


@pytest.mark.parametrize('paramwise', [None, dict(custom_keys=HEAD)])
def test_a_rate_for_biases_is_needed(paramwise):
    cfg = dict(constructor='BiasRateConstructor', optimizer=dict(type='SGD', lr=1.0), paramwise_cfg=paramwise)
    with pytest.raises(ValueError, match=r'set optim_wrapper\.paramwise_cfg\.bias_lr_mult'):
        build_optim_wrapper(small_model(), cfg)
