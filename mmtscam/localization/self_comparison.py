"""Better maps from a comparison of the image's positions with each other, without parameters.

``enhance_maps`` is from Zhang et al., "Rethinking Localization Map: Towards
Accurate Object Perception with Self-Enhancement Maps" (SEM), 2020;
``self_correlation`` and ``correlate_maps`` are from Pan et al., "Unveiling the
Potential of Structure Preserving for Weakly Supervised Object Localization"
(SPA), CVPR 2021.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .diffusion import min_max
from .precision import full_precision, without_autocast

_EPSILON = 1e-5


def enhance_maps(features: Tensor, maps: Tensor, share: float) -> Tensor:
    """Measure how much each position is like one of the map's highest, the seeds (SEM).

    Args:
        features: ``(B, D, h, w)`` features of the positions.
        maps: ``(B, k, h, w)`` maps.
        share: Share of the positions that are seeds; one position at least.

    Returns:
        ``(B, k, h, w)`` maps in [0, 1], in ``float32`` at least: the highest
        cosine similarity with a seed, min-max normalised.
    """
    with without_autocast(features):
        alike = _cosines(features)
        # In whole numbers, so that an exported graph takes any size of input.
        number = torch.sym_max(1, (alike.shape[1] * round(1e4 * share) + 5000) // 10000)
        seeds = maps.flatten(2).topk(number, dim=2).indices  # (B, k, K)
        rows = torch.arange(alike.shape[0], device=alike.device)[:, None, None]
        # Where all are alike, their differences are rounding.
        return min_max(alike[rows, seeds].amax(dim=2).view(maps.shape), _EPSILON)


def self_correlation(features: Tensor, first: float, second: float, weight: float) -> Tensor:
    """Measure how much each position belongs with each other one, by likeness of first and second order (SPA).

    Args:
        features: ``(B, D, h, w)`` features of the N = h·w positions.
        first: Least cosine similarity that counts.
        second: Least similarity of second order that counts, as a multiple of
            1/N.
        weight: Weight of the second order.

    Returns:
        ``(B, N, N)`` tensor in ``float32`` at least; each column has sum 1.
    """
    with without_autocast(features):
        alike = F.threshold(_cosines(features), max(first, 0), 0)
        sums = alike.sum(dim=2).unsqueeze(1)  # of rows, which are those of columns, and faster
        itself = torch.eye(*alike.shape[1:], dtype=torch.bool, device=alike.device)
        others = alike.masked_fill(itself, 0) / (sums - alike.diagonal(dim1=1, dim2=2).unsqueeze(1) + _EPSILON)
        paths = others @ others
        # Weighted before small ones are left out, which saves a pass over all pairs.
        paths = paths * (weight / (others.sum(dim=1, keepdim=True) @ others + _EPSILON))
        paths = F.threshold(paths, weight * second / paths.shape[1], 0)
        return _columns_to_one(torch.maximum(alike / (sums + _EPSILON), paths))


def correlate_maps(correlation: Tensor, maps: Tensor, high: float, low: float) -> Tensor:
    """Mark the positions that belong with the map's high ones and not with its low ones (SPA).

    Args:
        correlation: ``(B, N, N)`` sum of :func:`self_correlation` over levels.
        maps: ``(B, k, h, w)`` maps of N = h·w positions.
        high: Value of the normalised map, without its negative part, from
            which on a position is of the object.
        low: Value up to which it is of the background.

    Returns:
        ``(B, k, h, w)`` maps in [0, 1], in ``float32`` at least.
    """
    with without_autocast(maps):
        normalized = min_max(full_precision(maps).relu())
        # A column is the map of what belongs with one position.
        columns = min_max(correlation.mT.unsqueeze(2)).squeeze(2)  # (B, N of the map, N)

        def belonging(positions: Tensor) -> Tensor:
            return min_max((positions.flatten(2).to(columns) @ columns).view(maps.shape))

        return min_max((belonging(normalized >= high) - belonging(normalized <= low)).relu())


def _cosines(features: Tensor) -> Tensor:
    """Cosine similarity ``(B, N, N)`` of the positions of ``(B, D, h, w)`` features, in ``float32`` at least."""
    vectors = full_precision(features).flatten(2).mT  # a view, where channels come last in memory
    products = vectors @ vectors.mT
    scale = products.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(products.dtype).tiny).rsqrt()
    return products * scale.unsqueeze(1) * scale.unsqueeze(2)


def _columns_to_one(matrices: Tensor) -> Tensor:
    return matrices / (matrices.sum(dim=1, keepdim=True) + _EPSILON)
