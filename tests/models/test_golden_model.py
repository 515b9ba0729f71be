"""Agreement with the reference implementation of TS-CAM, to 1e-4 of each array's maximum."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

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
        coupled = feats[1].sum(1, keepdim=True) * model.head.maps(feats)['semantic']
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


def build_deit_tiny(assets, repo, impl):
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


@pytest.fixture
def deit_tiny(assets, repo, impl):
    return build_deit_tiny(assets, repo, impl)


@both_impls
def test_deit_tiny_evaluates_alike(deit_tiny):
    _, model, golden = deit_tiny
    assert_evaluates_alike(model, normalize(golden['images']), golden)


@pytest.mark.parametrize('impl', ['fused'])
def test_deit_tiny_with_our_preprocessor_evaluates_alike(deit_tiny):
    _, model, golden = deit_tiny
    bgr = torch.from_numpy(golden['images'][..., ::-1].copy()).permute(0, 3, 1, 2)
    assert_evaluates_alike(model, model.data_preprocessor({'inputs': bgr})['inputs'], golden)


# Three steps of training. Rounding decides what can be asked for, so the same steps run in double precision too: the
# distance of float32 to them is rounding, as long as ours and the reference's are of one size.
#
# Gradients: after twelve blocks the worst relative rounding error is 7e-4 of the largest gradient of pos_embed, in the
# reference as in ours, at three patches of a plain sky, where each block multiplies the error by two or three. The
# processor's instructions decide how much of it the two have in common.
#
# Parameters: AdamW divides a gradient by its own size. Elements whose gradient is nearly zero carry rounding at the
# scale of the learning rate into the parameter, so the largest error is the accident of one element; the root mean
# square is not.
#
# Keys of attention: their bias adds one number to a whole row of the softmax, so its gradient is zero. Float32 finds
# noise instead, and AdamW makes steps of it. No two computations have the same noise.


class Steps(NamedTuple):
    """Gradients of the first step and their total norm, losses, and parameters before and after three steps."""

    gradients: dict[str, np.ndarray]
    norm: float
    losses: list[float]
    start: dict[str, np.ndarray]
    end: dict[str, np.ndarray]


@pytest.fixture(scope='module')
def golden_steps(assets):
    step = dict(np.load(assets / 'golden' / 'tscam_step.npz'))
    named = {
        prefix: {name.removeprefix(prefix): value for name, value in step.items() if name.startswith(prefix)}
        for prefix in ('grad0:', 'after3:')
    }
    assert len(named['grad0:']) == len(named['after3:']) == 8
    return step['labels'], Steps(named['grad0:'], step['grad0_norm'], step['losses'], {}, named['after3:'])


def three_steps(built, labels, dtype, change=lambda cfg, model: None):
    """Train a model for three steps; ``change`` makes a mistake."""
    cfg, model, golden = built
    model.to(dtype).train()
    change(cfg, model)
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    parameters = dict(model.named_parameters())
    start = {name: parameter.detach().numpy().copy() for name, parameter in parameters.items()}
    losses, gradients = [], {}
    for _ in range(3):
        loss = model(normalize(golden['images']).to(dtype), samples(labels), mode='loss')['loss']
        losses.append(loss.item())
        loss.backward()
        gradients = gradients or {name: parameter.grad.numpy().copy() for name, parameter in parameters.items()}
        optim_wrapper.step()
        optim_wrapper.zero_grad()
    norm = np.sqrt(sum(np.square(gradient, dtype=np.float64).sum() for gradient in gradients.values()))
    return Steps(gradients, norm, losses, start, {name: value.detach().numpy() for name, value in parameters.items()})


@pytest.fixture(scope='module')
def exact_steps(assets, repo, golden_steps):
    with DefaultScope.overwrite_default_scope('mmtscam'):
        return three_steps(build_deit_tiny(assets, repo, 'explicit'), golden_steps[0], torch.float64)


def largest(value):
    return np.abs(value).max()


def rms(value):
    return np.sqrt(np.square(value, dtype=np.float64).mean())


def rounding(size, ours, reference, exact):
    """How far two computations that are equally far from the exact result may be from each other.

    That is twice the distance of either. The smaller one is taken: a mistake of ours, which the run in double
    precision makes too, makes the reference's large, and a computation in less than float32 makes ours large.
    """
    return 2 * min(size(ours - exact), size(reference - exact))


def without_key_bias(name, value):
    if not name.endswith('qkv.bias'):
        return value
    query, _, value_bias = np.split(value, 3)
    return np.concatenate([query, value_bias])


def assert_steps_alike(ours, reference, exact):
    assert_agrees(ours.losses, reference.losses)
    assert_agrees(ours.norm, reference.norm)
    for name, expected in reference.gradients.items():
        gradient = ours.gradients[our_name(name)]
        allowed = rounding(largest, gradient, expected, exact.gradients[our_name(name)])
        assert largest(gradient - expected) <= max(1e-4 * largest(expected), allowed), name
    for name, expected in reference.end.items():
        key = our_name(name)
        start, end, expected, exact_end = (
            without_key_bias(name, value) for value in (ours.start[key], ours.end[key], expected, exact.end[key])
        )
        # float32 cannot hold a parameter to more than this.
        resolution = np.finfo(np.float32).eps * largest(expected)
        allowed = max(resolution, rounding(rms, end, expected, exact_end))
        assert rms(end - expected) <= allowed, name
        # It says something about the steps: a twentieth of them would be noticed.
        assert allowed < 0.05 * rms(expected - start), name


@both_impls
def test_three_training_steps_alike(deit_tiny, golden_steps, exact_steps):
    labels, reference = golden_steps
    cfg, _, _ = deit_tiny
    ours = three_steps(deit_tiny, labels, torch.float32)
    assert_steps_alike(ours, reference, exact_steps)
    # Even of noise, AdamW makes no step that is much longer than the learning rate.
    name = 'backbone.layers.0.attn.qkv.bias'
    _, key_bias, _ = np.split(ours.end[name] - ours.start[name], 3)
    assert largest(key_bias) <= 3.1 * cfg.optim_wrapper.optimizer.lr


def scale_queries(_, model):
    def scaled(_module, _inputs, output):
        query, key_and_value = output.tensor_split([output.shape[-1] // 3], -1)
        return torch.cat([query * 1.001, key_and_value], -1)

    for layer in model.backbone.layers:
        layer.attn.qkv.register_forward_hook(scaled)


def change_one_epsilon(_, model):
    model.backbone.layers[0].ln1.eps = 1e-5


def raise_learning_rate(cfg, _):
    cfg.optim_wrapper.optimizer.lr *= 1.001


def decay_all(cfg, _):
    del cfg.optim_wrapper.paramwise_cfg


@pytest.mark.slow
@pytest.mark.parametrize('mistake', [scale_queries, change_one_epsilon, raise_learning_rate, decay_all])
def test_a_mistake_in_training_is_noticed(assets, repo, golden_steps, mistake):
    """A small one, which the run in double precision makes too."""
    labels, reference = golden_steps
    ours, exact = (
        three_steps(build_deit_tiny(assets, repo, impl), labels, dtype, mistake)
        for impl, dtype in (('fused', torch.float32), ('explicit', torch.float64))
    )
    with pytest.raises(AssertionError):
        assert_steps_alike(ours, reference, exact)
