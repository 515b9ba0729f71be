"""Agreement with the reference implementation of TS-CAM, to 1e-4 of each array's maximum."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmtscam.models.checkpoints import from_reference
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SMALL = dict(embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144)

both_impls = pytest.mark.parametrize('impl', ['fused', 'explicit'])


def assert_agrees(ours, reference):
    ours = ours.detach().numpy() if isinstance(ours, torch.Tensor) else np.asarray(ours)
    assert ours.shape == reference.shape
    assert np.abs(ours - reference).max() <= 1e-4 * np.abs(reference).max()


def our_name(reference_name):
    marker = torch.empty(1, 1, 3, 3)
    state = {'blocks.0.norm1.weight': torch.empty(0), 'head.weight': torch.empty(1, 1, 3, 3), reference_name: marker}
    return next(name for name, value in from_reference(state).items() if value is marker)


def normalize(images):
    """Do the same as torchvision's ToTensor and Normalize, in the reference's order of operations."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def samples(labels):
    return [LocDataSample().set_gt_label(int(label)) for label in labels]


def assert_evaluates_alike(model, inputs, golden):
    model.eval()
    with torch.no_grad():
        feats = model.extract_feat(inputs)
        logits = model.head(feats)
        coupled = feats[1].sum(1, keepdim=True) * model.head.semantic_maps(feats)
    layers, batch, _ = golden['class_attention'].shape
    assert_agrees(feats[1].transpose(0, 1).reshape(layers, batch, -1), golden['class_attention'])
    assert_agrees(logits, golden['logits'])
    assert_agrees(coupled, golden['coupled_maps'])
    # The head returns the mean over layers, which is the same after min-max.
    for index, sample in enumerate(model.head.predict(feats, samples([0] * batch))):
        assert_agrees(sample.class_maps.maps * layers, golden['coupled_maps'][index, sample.class_maps.labels])


@pytest.fixture
def small_model(golden_small, impl):
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMDeiT', arch=SMALL, img_size=64, patch_size=16, attn_impl=impl),
            head=dict(type='TSCAMHead', num_classes=5, in_channels=36),
        )
    )
    state = {
        name.removeprefix('state:'): torch.from_numpy(value)
        for name, value in golden_small.items()
        if name.startswith('state:')
    }
    model.load_state_dict(from_reference(state))
    return model


@both_impls
def test_small_model_evaluates_alike(small_model, golden_small):
    assert_evaluates_alike(small_model, torch.from_numpy(golden_small['inputs']), golden_small)


@both_impls
def test_small_model_trains_alike(small_model, golden_small):
    small_model.train()
    inputs = torch.from_numpy(golden_small['inputs'])
    loss = small_model(inputs, samples(golden_small['labels']), mode='loss')['loss']
    loss.backward()
    assert_agrees(loss, golden_small['loss'])
    gradients = {name: parameter.grad for name, parameter in small_model.named_parameters()}
    checked = [name.removeprefix('grad:') for name in golden_small if name.startswith('grad:')]
    assert len(checked) == 3
    for name in checked:
        assert_agrees(gradients[our_name(name)], golden_small[f'grad:{name}'])


@pytest.fixture
def deit_tiny(assets, repo, impl):
    """The released recipe's config with the shared DeiT-Tiny weights and the golden classifier."""
    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub_released.py')
    cfg.model.backbone.update(
        attn_impl=impl,
        drop_path_rate=0.0,
        init_cfg=dict(type='Pretrained', checkpoint=str(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')),
    )
    cfg.model.head.num_classes = 10
    model = MODELS.build(cfg.model)
    model.backbone.init_weights()
    golden = dict(np.load(assets / 'golden' / 'tscam_model.npz'))
    model.head.conv.load_state_dict(
        {'weight': torch.from_numpy(golden['head_weight']), 'bias': torch.from_numpy(golden['head_bias'])}
    )
    return cfg, model, golden


@both_impls
def test_deit_tiny_evaluates_alike(deit_tiny):
    _, model, golden = deit_tiny
    assert_evaluates_alike(model, normalize(golden['images']), golden)


@pytest.mark.parametrize('impl', ['fused'])
def test_deit_tiny_with_our_preprocessor_evaluates_alike(deit_tiny):
    _, model, golden = deit_tiny
    bgr = torch.from_numpy(golden['images'][..., ::-1].copy()).permute(0, 3, 1, 2)
    assert_evaluates_alike(model, model.data_preprocessor({'inputs': bgr})['inputs'], golden)


@both_impls
def test_three_training_steps_alike(deit_tiny, assets):
    cfg, model, golden = deit_tiny
    step = dict(np.load(assets / 'golden' / 'tscam_step.npz'))
    checked = [name.removeprefix('grad0:') for name in step if name.startswith('grad0:')]
    assert len(checked) == 8
    model.train()
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    parameters = dict(model.named_parameters())
    losses = []
    for index in range(3):
        loss = model(normalize(golden['images']), samples(step['labels']), mode='loss')['loss']
        losses.append(loss.item())
        loss.backward()
        if index == 0:
            for name in checked:
                assert_agrees(parameters[our_name(name)].grad, step[f'grad0:{name}'])
            norm = torch.stack([parameter.grad.norm() for parameter in parameters.values()]).norm()
            assert_agrees(norm, step['grad0_norm'])
        optim_wrapper.step()
        optim_wrapper.zero_grad()
    assert_agrees(losses, step['losses'])
    for name in checked:
        assert_agrees(parameters[our_name(name)], step[f'after3:{name}'])
