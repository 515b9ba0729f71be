"""The head of SAT, which shapes the foreground map of the spatial token."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.layers import mean_area, norm_loss
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample, MapKind

from .tscam_head import TSCAMHead


@MODELS.register_module()
class SATHead(TSCAMHead):
    """SAT: TS-CAM's classifier, and a foreground map that two losses shape.

    The map localises, the same one for all classes. Its mean over the batch
    is held at ``area``, and its values are driven to 0 and 1. TS-CAM's maps
    are there to be looked at.

    Reference: Wu et al., "Spatial-Aware Token for Weakly Supervised Object
    Localization" (SAT), ICCV 2023.

    Args:
        num_classes: Number of classes C.
        in_channels: Width D of the patch features.
        area: Share of the image that objects fill on average, in (0, 1); 0.25
            on CUB-200-2011 and 0.35 on ILSVRC in the released code. The log
            has the share that the model finds as ``area``.
        init: Initialisation of the convolution, see :class:`TSCAMHead`; the
            released code's by default.
        **kwargs: Further arguments of :class:`TSCAMHead`.

    Raises:
        ValueError: If an argument is out of range.
    """

    map_kinds = (MapKind('foreground', 'foreground map', class_agnostic=True), *TSCAMHead.map_kinds)

    def __init__(
        self, num_classes: int, in_channels: int, area: float = 0.25, init: str = 'default', **kwargs: Any
    ) -> None:
        if not isinstance(area, (int, float)) or not 0 < area < 1:
            raise ValueError(
                f'area must be a number in (0, 1), the share of the image that objects fill, such as 0.25 for a '
                f'quarter, got {area!r}: set model.head.area'
            )
        super().__init__(num_classes, in_channels, init=init, **kwargs)
        self.area = area

    def maps(self, feats: TokenFeatures, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The foreground map, and those of :class:`TSCAMHead`; see :meth:`BaseLocHead.maps`."""
        return dict(foreground=feats.further_map('foreground').float(), **super().maps(feats, labels))

    def extra_losses(self, feats: TokenFeatures, data_samples: Sequence[LocDataSample]) -> dict[str, Tensor]:
        """Hold the area, and drive the map to 0 and 1.

        Args:
            feats: Has the map ``foreground``, and ``foreground_by_token``
                where there are several spatial tokens.
            data_samples: One with ``zoomed`` shows a part around the object,
                whose area is left alone.

        Returns:
            ``loss_area``, ``loss_norm`` and, where an image is whole, the
            mean ``area`` to be logged. Where there are several tokens, the
            losses of each one's map are added with weight 0.5.
        """
        foreground = feats.further_map('foreground')
        is_whole = [not sample.get('zoomed', False) for sample in data_samples]
        whole = torch.tensor(is_whole, device=foreground.device)
        area, loss_area = self._hold(foreground, whole)
        loss_norm = norm_loss(foreground)
        if 'foreground_by_token' in (feats.maps or {}):
            for single in feats.further_map('foreground_by_token').unbind(dim=1):
                loss_area = loss_area + 0.5 * self._hold(single, whole)[1]
                loss_norm = loss_norm + 0.5 * norm_loss(single)
        logged = dict(area=area.detach()) if any(is_whole) else {}
        return dict(loss_area=loss_area, loss_norm=loss_norm, **logged)

    def _hold(self, foreground: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """The mean area of whole images, and its distance from ``area``, which is 0 where no image is whole."""
        area, number = mean_area(foreground, whole)
        # Chosen before the difference is taken: NaN times 0 would be the gradient.
        return area, (torch.where(number > 0, area, self.area) - self.area).abs()
