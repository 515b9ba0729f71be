import copy

import pytest
import torch
from mmcv.cnn.bricks.transformer import FFN
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from tscam_models import assert_close, build_model, make_images

from mmtscam.models.layers import FusedLinear, fuse_linears
from mmtscam.models.layers.fused_linear import _HAS_ONEDNN

FUSED = 'mkldnn._linear_pointwise.default'
onednn = pytest.mark.skipif(not _HAS_ONEDNN, reason="PyTorch has not oneDNN's operator")


class Watch(TorchDispatchMode):
    """Counts oneDNN's operator."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += str(func) == FUSED
        return func(*args, **(kwargs or {}))


def make_ffn(**kwargs):
    torch.manual_seed(0)
    ffn = FFN(embed_dims=8, feedforward_channels=20, act_cfg=dict(type='GELU'), **kwargs).eval()
    fused = copy.deepcopy(ffn)
    fuse_linears(fused)
    return ffn, fused


def test_names_and_values_of_parameters_stay():
    ffn, fused = make_ffn()
    assert [type(module) for module in fused.modules() if isinstance(module, nn.Linear)] == [FusedLinear] * 2
    assert [module.gelu for module in fused.modules() if isinstance(module, nn.Linear)] == [True, False]
    assert not any(isinstance(module, nn.GELU) for module in fused.modules())
    assert fused.state_dict().keys() == ffn.state_dict().keys()
    fused.load_state_dict(ffn.state_dict())


@onednn
@pytest.mark.parametrize('shape', [(2, 5, 8), (3, 8), (1, 1, 8), (2, 0, 8)])
def test_evaluation_is_the_same_in_one_operation_a_layer(shape):
    ffn, fused = make_ffn()
    x = torch.randn(shape)
    with torch.no_grad():
        expected = ffn(x)
        with Watch() as watch:
            output = fused(x)
    assert watch.count == 2
    assert output.shape == expected.shape
    torch.testing.assert_close(output, expected)


@onednn
@pytest.mark.skipif(not (_HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()), reason='a CPU without bfloat16')
def test_bfloat16_by_autocast_and_by_weights():
    ffn, fused = make_ffn()
    x = torch.randn(2, 5, 8)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        inner, expected = fused.layers(x), ffn.layers(x)
        with Watch() as watch:
            fused(x)
    assert watch.count == 2
    assert inner.dtype == expected.dtype == torch.bfloat16
    assert_close(inner, expected, 2**-7)
    with torch.no_grad():
        assert_close(fused.bfloat16()(x.bfloat16()), expected + x, 2**-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_other_types_go_the_usual_way(dtype):
    ffn, fused = make_ffn()
    x = torch.randn(2, 5, 8, dtype=dtype)
    with torch.no_grad(), Watch() as watch:
        assert torch.equal(fused.to(dtype)(x), ffn.to(dtype)(x))
    assert watch.count == 0


@onednn
def test_not_where_onednn_is_turned_off_or_types_differ():
    ffn, fused = make_ffn()
    x = torch.randn(2, 5, 8)
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), Watch() as watch:
        assert torch.equal(fused(x), ffn(x))
    assert watch.count == 0
    with torch.no_grad(), pytest.raises(RuntimeError, match='dtype'):
        fused.bfloat16()(x)


def test_gradients_are_the_usual_ones():
    ffn, fused = make_ffn()
    x = torch.randn(2, 5, 8)
    with Watch() as watch:
        output = fused(x)
    assert watch.count == 0
    expected = ffn(x)
    assert torch.equal(output, expected)
    for ours, theirs in zip(
        torch.autograd.grad(output.sum(), fused.parameters()),
        torch.autograd.grad(expected.sum(), ffn.parameters()),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_a_tracer_sees_the_layers():
    """Tools that count operations or export a model know linear layers, not oneDNN's."""
    _, fused = make_ffn()
    with torch.no_grad():
        traced = torch.jit.trace(fused, torch.randn(2, 5, 8))
    kinds = {node.kind() for node in traced.inlined_graph.nodes()}
    assert {'aten::linear', 'aten::gelu'} <= kinds
    assert not any(kind.startswith('mkldnn') for kind in kinds)


def test_only_what_is_alike_is_fused():
    module = nn.Sequential(nn.Linear(3, 4, bias=False), nn.GELU(), nn.Linear(4, 5), nn.GELU(approximate='tanh'))
    fused, x = copy.deepcopy(module), torch.randn(2, 3)
    fuse_linears(fused)
    assert (fused[0].gelu, fused[2].gelu) == (True, False)
    with torch.no_grad():
        torch.testing.assert_close(fused(x), module(x))

    class Other(nn.Linear):
        pass

    other = nn.Sequential(Other(3, 3))
    fuse_linears(other)
    assert type(other[0]) is Other


@pytest.mark.parametrize('backbone', ['deit', 'conformer'])
def test_the_backbones_blocks_are_fused(backbone):
    model = build_model(backbone)
    linears = [module for module in model.backbone.modules() if isinstance(module, nn.Linear)]
    assert len(linears) == 4 * 3
    assert all(type(module) is FusedLinear for module in linears)
    assert sum(module.gelu for module in linears) == 3
    images = make_images(backbone)
    expected = model.extract_feat(images)  # with gradients, so the usual way
    with torch.no_grad(), Watch() as watch:
        feats = model.extract_feat(images)
    assert watch.count == (12 if _HAS_ONEDNN else 0)
    assert_close(feats.patches, expected.patches.detach())
    assert_close(feats.attention, expected.attention)
