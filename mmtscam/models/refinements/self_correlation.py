"""Self-correlation maps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmtscam.localization import correlate_maps, self_correlation
from mmtscam.registry import MODELS

from .base_refinement import BaseRefinement

# Images whose matrices of all pairs of positions stay in a CPU's cache.
_AT_ONCE = 4


@MODELS.register_module()
class SelfCorrelation(BaseRefinement):
    """SPA's map, of the positions that belong with the map's high ones and not with its low ones.

    See :func:`~mmtscam.localization.self_correlation` and
    :func:`~mmtscam.localization.correlate_maps`. The defaults are the authors'
    on CUB-200-2011; on ILSVRC they have ``first=0.2, second=0.2, weight=1``.

    Reference: Pan et al., "Unveiling the Potential of Structure Preserving for
    Weakly Supervised Object Localization" (SPA), CVPR 2021.

    Args:
        levels: Indices of the feature maps by which positions are compared,
            shallow ones first; the one that maps are made from by default. All
            have the size of the maps.
        first: Least cosine similarity that counts.
        second: Least similarity of second order that counts, as a multiple of
            1/N of N positions.
        weight: Weight of the second order.
        high: Value of the normalised map from which on a position is of the
            object.
        low: Value up to which it is of the background.
        **kwargs: Further arguments of :class:`BaseRefinement`.

    Raises:
        ValueError: If there is no level, or ``low`` is above ``high``.
    """

    name = 'correlated'
    title = 'self-correlation map'

    def __init__(
        self,
        levels: int | Sequence[int] = (-1,),
        first: float = 0.1,
        second: float = 0.5,
        weight: float = 2.0,
        high: float = 0.1,
        low: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        levels = [levels] if isinstance(levels, int) else levels
        if not levels or not all(isinstance(level, int) for level in levels):
            raise ValueError(f'levels must be whole numbers, one at least, got {levels!r}')
        if not 0 <= low <= high <= 1:
            raise ValueError(f'low and high must be in [0, 1], and low not above high, got {low} and {high}')
        self.levels = tuple(levels)
        self.first, self.second, self.weight = first, second, weight
        self.high, self.low = high, low

    def forward(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """Correlate maps, see :meth:`BaseRefinement.forward`.

        Raises:
            ValueError: If there is no such level, or it has not the maps' size.
        """
        chosen = []
        for level in self.levels:
            if not -len(features) <= level < len(features):
                raise ValueError(
                    f'refine.levels: there is no level {level} among the {len(features)} feature maps of the head'
                )
            if (size := features[level].shape[2:]) != maps.shape[2:]:
                raise ValueError(
                    f'refine.levels: level {level} is {size[0]}x{size[1]} and the maps are '
                    f'{maps.shape[2]}x{maps.shape[3]}: name levels of the same size'
                )
            chosen.append(features[level])
        if maps.device.type != 'cpu' or torch.compiler.is_compiling():
            return self._correlate(chosen, maps)
        groups = zip(*(each.split(_AT_ONCE) for each in chosen), strict=True)
        parts = zip(groups, maps.split(_AT_ONCE), strict=True)
        return torch.cat([self._correlate(group, part) for group, part in parts])

    def _correlate(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        found = [self_correlation(each, self.first, self.second, self.weight) for each in features]
        return correlate_maps(sum(found[1:], found[0]), maps, self.high, self.low).float()
