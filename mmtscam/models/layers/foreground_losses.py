"""Losses that shape a foreground map without boxes or masks.

Reference: Wu et al., "Spatial-Aware Token for Weakly Supervised Object
Localization" (SAT), ICCV 2023.
"""

import math

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor

from mmtscam.localization.precision import full_precision, without_autocast


def blur_kernel() -> Tensor:
    """The released code's Gaussian, ``(1, 1, 3, 3)``; so narrow that it is nearly the identity.

    Its rows are roots of the normal distribution's mass in three bins, which
    together reach 49 / 6 standard deviations to both sides.
    """
    tail = math.erfc(49 / 18 / math.sqrt(2)) / 2
    line = torch.tensor([tail, 1 - 2 * tail, tail], dtype=torch.float64).sqrt()
    line /= line.sum()
    return torch.outer(line, line).float()[None, None]


def mean_area(foreground: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of foreground maps over patches, images and processes.

    Its gradient is that of the mean over the batch of all processes, once
    these average their gradients, as DDP and FSDP do.

    Args:
        foreground: ``(B, h, w)`` maps in [0, 1].
        counted: ``(B,)`` whether an image counts.

    Returns:
        Two scalars, ``float32`` at least and the same in every process: the
        mean, and how many images count. Without any the mean is NaN, and its
        gradient 0.
    """
    areas = full_precision(foreground).mean(dim=(1, 2))
    weights = counted.to(areas)
    own = (areas * weights).sum()
    everywhere = torch.stack([own.detach(), weights.sum()])
    all_reduce(everywhere, 'sum')
    total, number = everywhere.unbind()
    # The other processes' part has no gradient here. Theirs arrives when gradients are averaged.
    return total / number + (own - own.detach()) * (get_world_size() / number.clamp(min=1)), number


def norm_loss(foreground: Tensor) -> Tensor:
    """Distance of foreground maps from 0 and 1: the mean of ``m (1 - m)`` of the slightly blurred map.

    Args:
        foreground: ``(B, h, w)`` maps in [0, 1].

    Returns:
        A scalar, ``float32`` at least.
    """
    with without_autocast(foreground):
        maps = full_precision(foreground).unsqueeze(1)
        blurred = F.conv2d(maps, blur_kernel().to(maps), padding=1)
        return (blurred * (1 - blurred)).mean()
