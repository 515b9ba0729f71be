"""The head of a whole classifier, for maps from gradients."""

from typing import Any

from torch import Tensor

from mmtscam.localization.precision import full_precision
from mmtscam.registry import MODELS

from .base_loc_head import BaseLocHead


@MODELS.register_module()
class LogitsHead(BaseLocHead):
    """Takes the logits of a backbone that ends in them, such as VGG16 with its linear layers.

    It has no parameters and makes no maps of its own: ``refine`` must be a
    :class:`~mmtscam.models.BaseGradientMap`.

    Args:
        num_classes: Number of classes C.
        **kwargs: Further arguments of :class:`BaseLocHead`.

    Raises:
        ValueError: If there is no such ``refine``.
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        if not kwargs.get('refine'):
            raise ValueError(
                'LogitsHead makes no maps of its own: set model.head.refine to maps from gradients, such as '
                "dict(type='InputGradient')"
            )
        super().__init__(num_classes, **kwargs)

    def logits(self, feats: Any) -> Tensor:
        """Logits ``(B, C)``, the backbone's last output.

        Raises:
            ValueError: If the backbone gives something else.
        """
        last = feats[-1] if isinstance(feats, tuple | list) else feats
        if not isinstance(last, Tensor) or last.ndim != 2 or last.shape[1] != self.num_classes:
            found = f'{tuple(last.shape)}' if isinstance(last, Tensor) else f'a {type(last).__name__}'
            raise ValueError(
                f'LogitsHead needs logits (B, {self.num_classes}) from the backbone, which gives {found}: use a '
                'network that ends in logits, such as VGG with model.backbone.num_classes, or CAMHead for a feature map'
            )
        return full_precision(last)

    def maps(self, feats: Any, labels: Tensor | None = None) -> dict[str, Tensor]:
        """None, see :meth:`BaseLocHead.maps`."""
        return {}
