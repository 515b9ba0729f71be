"""Self-enhancement maps."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmtscam.localization import enhance_maps
from mmtscam.registry import MODELS

from .base_refinement import BaseRefinement


@MODELS.register_module()
class SelfEnhancement(BaseRefinement):
    """SEM: how much each position is like one of the map's highest ones.

    See :func:`~mmtscam.localization.enhance_maps`. Positions are compared by
    the features that the maps were made from.

    Reference: Zhang et al., "Rethinking Localization Map: Towards Accurate
    Object Perception with Self-Enhancement Maps", 2020.

    Args:
        share: Share of the positions that are seeds, in (0, 1]; the authors'
            60 of 28x28 by default.
        **kwargs: Further arguments of :class:`BaseRefinement`.

    Raises:
        ValueError: If the share is out of range.
    """

    name = 'enhanced'
    title = 'self-enhancement map'

    def __init__(self, share: float = 60 / 784, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < share <= 1:
            raise ValueError(f'share must be in (0, 1], got {share}')
        self.share = share

    def forward(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """Enhance maps, see :meth:`BaseRefinement.forward`."""
        return enhance_maps(features[-1], maps, self.share).float()
