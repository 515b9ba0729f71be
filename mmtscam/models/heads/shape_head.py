"""The head of GC-Net, which finds one shape in an image."""

from typing import Any

from torch import Tensor

from mmtscam.localization.precision import full_precision
from mmtscam.models.layers import FullPrecisionLinear, ShapeMask
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind

from .base_loc_head import BaseLocHead
from .features import check_feature_maps
from .shape_features import ShapeFeatures


@MODELS.register_module()
class ShapeHead(BaseLocHead):
    """One ellipse or rectangle around the object, drawn as a soft mask, and the classes of a frozen classifier.

    The model is :class:`~mmtscam.models.GCNet`. Global average pooling and a
    linear layer give five numbers, and a sigmoid makes a shape of them. The
    layer starts near 0, so that the first shapes are near the middle of the
    image, half as wide and high as it, and upright.

    The mask is ½ on the shape's edge, so its box at the threshold ½ is that of
    the shape. The protocol ``'tscam'`` normalises the mask before. With a slope
    of at least 5 this moves an edge of an ellipse's box by one pixel of 224 at
    most; a rectangle that fills nearly the whole image loses more. The rules
    ``dict(base='tscam', absolute_threshold=True, normalize=False)`` do not
    normalise, and need an input as large as the protocol's frame.

    Reference: Lu et al., "Geometry Constrained Weakly Supervised Object
    Localization" (GC-Net), ECCV 2020.

    Args:
        num_classes: Number of classes C, those of the classifier.
        in_channels: Channels D of the detector's last feature map; ``None``
            where the detector itself gives the five numbers.
        generator: Config of a :class:`~mmtscam.models.layers.ShapeMask`,
            ``dict(type='EllipseMask')`` by default.
        threshold: See :class:`BaseLocHead`.
        **kwargs: Further arguments of ``BaseLocHead``.

    Raises:
        ValueError: If maps are to be refined.
    """

    map_kinds = (MapKind('shape', 'shape of the object', class_agnostic=True),)

    def __init__(
        self,
        num_classes: int,
        in_channels: int | None,
        generator: dict | None = None,
        threshold: float | None = 0.5,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('refine'):
            raise ValueError('ShapeHead draws shapes, which nothing refines: leave model.head.refine out')
        kwargs.setdefault('init_cfg', dict(type='Normal', layer='Linear', std=0.01))
        super().__init__(num_classes, threshold=threshold, **kwargs)
        self.fc = FullPrecisionLinear(in_channels, 5) if in_channels else None
        self.generator = MODELS.build(generator or dict(type='EllipseMask'))
        if not isinstance(self.generator, ShapeMask):
            raise ValueError(
                f"generator must be a mask such as dict(type='EllipseMask'), got a {type(self.generator).__name__}"
            )

    def prepare(self, feats: ShapeFeatures) -> ShapeFeatures:
        """Refuse anything but GC-Net's output.

        Raises:
            ValueError: If it is something else.
        """
        if not isinstance(feats, ShapeFeatures):
            raise ValueError(f"ShapeHead is the head of GC-Net, got a {type(feats).__name__}: set model.type='GCNet'")
        return feats

    def logits(self, feats: ShapeFeatures) -> Tensor:
        """The frozen classifier's logits ``(B, C)`` of the whole images."""
        return feats.logits

    def maps(self, feats: ShapeFeatures, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The mask ``(B, H, W)`` of the shape, in the input's size; see :meth:`BaseLocHead.maps`."""
        return dict(shape=self.generator(self.shapes(feats.features), feats.size).float())

    def shapes(self, features: Tensor) -> Tensor:
        """Find a shape in each image.

        Args:
            features: See :class:`ShapeFeatures`.

        Returns:
            ``(B, 5)`` in (0, 1), ``float32`` at least, see
            :meth:`~mmtscam.models.layers.ShapeMask.forward`.

        Raises:
            ValueError: If the detector's output does not suit.
        """
        if self.fc is not None:
            check_feature_maps(self, (features,), self.fc.in_features)
            return self.fc(full_precision(features).mean(dim=(2, 3))).sigmoid()
        if features.ndim != 2 or features.shape[1] != 5:
            raise ValueError(
                f'ShapeHead without in_channels needs five numbers an image, and the backbone gives '
                f'{tuple(features.shape)}: set model.backbone.num_classes=5, or model.head.in_channels to its channels'
            )
        return full_precision(features).sigmoid()
