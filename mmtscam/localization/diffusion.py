"""Spreading of scores over patches that look alike.

Reference: Bai et al., "Weakly Supervised Object Localization via Transformer
with Implicit Spatial Calibration" (SCM), ECCV 2022.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import full_precision, without_autocast

_EPSILON = 1e-12


def grid_laplacian(height: int, width: int) -> Tensor:
    """Graph Laplacian of a grid of patches, each joined with the up to four beside it.

    Args:
        height: Rows of the grid.
        width: Columns of the grid.

    Returns:
        ``(N, N)`` ``float32`` tensor of N = height x width patches, row by
        row: the number of neighbours on the diagonal, -1 for each neighbour.
    """
    places = torch.arange(height * width).view(height, width)
    pairs = torch.cat([
        torch.stack([places[1:], places[:-1]]).flatten(1),
        torch.stack([places[:, 1:], places[:, :-1]]).flatten(1),
    ], dim=1)  # fmt: skip
    adjacent = torch.zeros(height * width, height * width)
    adjacent[pairs[0], pairs[1]] = adjacent[pairs[1], pairs[0]] = 1
    return torch.diag(adjacent.sum(dim=1)) - adjacent


def newton_schulz(matrices: Tensor, steps: int, scale: float = 0.002) -> Tensor:
    """Newton-Schulz iterations towards the inverse of matrices, from ``scale`` times the transpose.

    A few steps do not reach the inverse: an eigenvalue g of a symmetric matrix
    becomes ``(1 - (1 - scale g^2)^(2^steps)) / g``, so small ones stay small.
    SCM uses it so. No gradient flows through the start.

    Args:
        matrices: ``(..., N, N)`` float tensor.
        steps: Number of iterations.
        scale: Factor of the start.

    Returns:
        ``(..., N, N)`` tensor.
    """
    twice = 2 * torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    inverse = scale * matrices.detach().mT
    for _ in range(steps):
        inverse = inverse @ (twice - matrices @ inverse)
    return inverse


def spread_over_alike(
    maps: Tensor, scores: Tensor, similarity: Tensor, threshold: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Let scores spread to neighbouring patches of alike classes, and amplify both by what arrives.

    With E the cosine similarity of the patches' vectors of class maps, L the
    :func:`grid_laplacian`, V the result of :func:`newton_schulz` of
    ``L (similarity E - 1)``, element by element, and t = V c / (threshold max c):
    u is t - tanh(t), min-max normalised; the new maps are ``X (1 + u)`` and the
    new scores ``c + u``.

    Args:
        maps: ``(B, C, h, w)`` class maps X.
        scores: ``(B, h, w)`` scores c of the patches.
        similarity: Weight of the similarity, a scalar.
        threshold: Share of the highest score from which on scores matter, a
            scalar above 0.
        steps: Steps of :func:`newton_schulz`.

    Returns:
        The new maps and scores, in ``float32`` at least.
    """
    # The iterations would lose all small modes in half precision.
    with without_autocast(maps):
        maps, scores = full_precision(maps), full_precision(scores)
        vectors = F.normalize(maps.flatten(2), dim=1, eps=_EPSILON)
        laplacian = grid_laplacian(*maps.shape[2:]).to(maps)
        spread = newton_schulz(laplacian * (similarity * (vectors.mT @ vectors) - 1), steps)
        arrived = (spread @ scores.flatten(1).unsqueeze(2)).view_as(scores)
        relative = arrived / (threshold * scores.amax(dim=(1, 2), keepdim=True)).clamp_min(_EPSILON)
        gain = min_max(relative - relative.tanh())
        return maps * (1 + gain.unsqueeze(1)), scores + gain


def min_max(maps: Tensor, epsilon: float = _EPSILON) -> Tensor:
    """Maps ``(..., h, w)`` brought to [0, 1] each; a flat one becomes 0.

    Args:
        maps: Float tensor.
        epsilon: Least range by which a map is divided.

    Returns:
        Tensor like ``maps``.
    """
    low, high = maps.amin(dim=(-2, -1), keepdim=True), maps.amax(dim=(-2, -1), keepdim=True)
    return (maps - low) / (high - low).clamp_min(epsilon)
