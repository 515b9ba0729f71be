"""Linear layers that a CPU computes in one pass over memory, with bias and GELU."""

from typing import cast

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Linear
from torch import Tensor, nn

# The operator is not public, but torch.compile uses it for linear layers too.
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, '_linear_pointwise')


class FusedLinear(nn.Linear):
    """``nn.Linear`` and perhaps a GELU after it, computed at once on a CPU without gradients.

    On a CPU PyTorch writes a layer's output three times: for bias, product
    and GELU. The hidden layers of a batch do not fit into the caches, so this
    took a tenth of the time of DeiT-S. oneDNN, which comes with PyTorch, adds
    bias and GELU as it computes the product.

    :func:`fuse_linears` makes it from ``nn.Linear``. Tools that look for the
    exact type ``nn.Linear``, as PyTorch's dynamic quantisation does, leave it
    alone.

    Attributes:
        gelu: Whether a GELU follows.
    """

    gelu: bool

    def forward(self, x: Tensor) -> Tensor:
        """Compute ``(..., D')`` from ``(..., D)``."""
        dtype = torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else x.dtype
        if self.bias is None or not _can_fuse(x, self.weight, dtype):
            x = super().forward(x)
            return F.gelu(x) if self.gelu else x
        inputs = [tensor.to(dtype) for tensor in (x, self.weight, self.bias)]
        return torch.ops.mkldnn._linear_pointwise(*inputs, 'gelu' if self.gelu else 'none', [], 'none')


def fuse_linears(module: nn.Module) -> None:
    """Turn the linear layers within a module, and each GELU right after one, into :class:`FusedLinear`.

    Parameters and their names stay.

    Args:
        module: Changed in place.
    """
    for child in list(module.modules()):
        if type(child) in (nn.Linear, Linear):  # mmcv's differs for empty tensors in old versions of PyTorch
            child.__class__ = FusedLinear
            cast(FusedLinear, child).gelu = False
    for child in module.modules():
        if not isinstance(child, nn.Sequential):
            continue
        for index in range(len(child) - 1):
            first, second = child[index], child[index + 1]
            if isinstance(first, FusedLinear) and type(second) is nn.GELU and second.approximate == 'none':
                first.gelu = True
                child[index + 1] = nn.Identity()


def _can_fuse(x: Tensor, weight: Tensor, dtype: torch.dtype) -> bool:
    """Whether oneDNN can compute the layer, and no gradient, compiler or tracer needs the single operations."""
    return bool(
        _HAS_ONEDNN
        and torch.backends.mkldnn.enabled
        and (x.dtype == weight.dtype or torch.is_autocast_enabled('cpu'))
        and x.device.type == 'cpu'
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and (dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )
