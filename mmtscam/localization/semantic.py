"""Semantic re-allocation: the logits of all classes, and the semantic maps of chosen classes.

Reference: Gao et al., "TS-CAM", ICCV 2021, Eqs. 3 and 4.
"""

import torch.nn.functional as F
from torch import Tensor

from .precision import full_precision, without_autocast


def semantic_logits(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Means of the semantic maps of all classes (Eq. 4), without the maps.

    A convolution and a mean commute. Instead of the mean of the map that the
    kernel makes, the kernel is applied to the means of the pixels that each of
    its entries slides over. The result is the same but for rounding, with
    ``h * w`` times less work, forward and backward. The function runs in full
    precision, also under autocast, because half precision would give many
    classes equal logits.

    Args:
        features: ``(B, D, h, w)`` patch features.
        weight: ``(C, D, k, k)`` of a convolution with odd k, stride 1 and
            zero padding that keeps the size.
        bias: ``(C,)``.

    Returns:
        ``(B, C)`` tensor, ``float32`` at least.
    """
    margin = weight.shape[-1] // 2
    with without_autocast(features):
        padded = F.pad(full_precision(features), [margin] * 4)
        means = F.avg_pool2d(padded, features.shape[-2:], stride=1)  # (B, D, k, k)
        return F.linear(means.flatten(1), full_precision(weight).flatten(1), full_precision(bias))


def semantic_maps(features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> Tensor:
    """Semantic maps S_c of some classes of each image (Eq. 3).

    Args:
        features: The same as in :func:`semantic_logits`.
        weight: The same as in :func:`semantic_logits`.
        bias: The same as in :func:`semantic_logits`.
        labels: ``(B, n)`` classes.

    Returns:
        ``(B, n, h, w)`` tensor, ``float32`` at least.
    """
    size, kernel = features.shape[-2:], weight.shape[-1]
    with without_autocast(features):
        # Each patch adds a share to its neighbours, and fold sums the shares.
        # This way the features are not copied for each entry of the kernel.
        kernels = full_precision(weight[labels]).flip(-2, -1).permute(0, 1, 3, 4, 2).flatten(1, 3)  # (B, n * k * k, D)
        shares = kernels @ full_precision(features).flatten(2)
        return F.fold(shares, size, kernel, padding=kernel // 2) + full_precision(bias[labels])[..., None, None]
