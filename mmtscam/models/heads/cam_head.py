"""The head of CAM, for any convolutional backbone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmtscam.localization import min_max
from mmtscam.models.layers import SemanticConv
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample, MapKind

from .base_loc_head import BaseLocHead
from .features import check_feature_maps


@MODELS.register_module()
class CAMHead(BaseLocHead):
    """Class activation maps: global average pooling and a linear classifier.

    The classifier is a 1x1 convolution. Its outputs are the class activation
    maps. The logits are the means of these maps, computed from the pooled
    features.

    Reference: Zhou et al., "Learning Deep Features for Discriminative
    Localization", CVPR 2016, Eqs. 1 and 2. Weights start as those of VGG16 in
    the benchmark of Choe et al., CVPR 2020, unless ``init_cfg`` says
    otherwise: hidden convolutions from He's normal distribution, last layers
    from N(0, 0.01).

    Args:
        num_classes: Number of classes C.
        in_channels: Channels of the backbone's last feature map.
        hidden_channels: Channels of 3x3 convolutions with ReLU before the
            classifier: (1024,) for VGG16.
        dropout: Share of features dropped before each convolution while
            training.
        **kwargs: Further arguments of :class:`BaseLocHead`.
    """

    map_kinds = (MapKind('semantic', 'class activation map'),)
    num_feature_maps = 1

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        hidden_channels: Sequence[int] = (),
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault(
            'init_cfg',
            [dict(type='Kaiming', layer='Conv2d'), dict(type='Normal', layer='SemanticConv', std=0.01)],
        )
        super().__init__(num_classes, **kwargs)
        self.in_channels = in_channels
        self.classifier = cam_classifier(num_classes, in_channels, hidden_channels, dropout)

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Take the last feature map ``(B, D, h, w)`` from the backbone's output."""
        return check_feature_maps(self, feats, self.in_channels, self.num_feature_maps)[-1]

    def prepare(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Compute the classifier's input ``(B, D', h, w)``, the output of its hidden layers."""
        return self.classifier[:-1](self.pre_logits(feats))

    def logits(self, feats: Tensor) -> Tensor:
        """Logits ``(B, C)``, the means of the class activation maps."""
        return self.classifier[-1](feats, mean=True)

    def maps(self, feats: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Class activation maps, see :meth:`BaseLocHead.maps`."""
        return dict(semantic=self.classifier[-1](feats, labels).float())

    def compared_features(self, feats: tuple[Tensor, ...], prepared: Tensor) -> tuple[Tensor, ...]:
        """The backbone's feature maps and, last, the classifier's input; see :meth:`BaseLocHead.compared_features`."""
        return (*feats, prepared)

    def true_labels(self, data_samples: Sequence[LocDataSample]) -> Tensor:
        """True classes of a batch, ``(B,)``, for losses that need one class an image.

        Raises:
            ValueError: If the samples have soft labels.
        """
        if 'gt_score' in data_samples[0]:
            raise ValueError(
                f'{type(self).__name__} needs one true class an image: leave batch augmentations, such as CutMix, out'
            )
        return torch.cat([sample.gt_label for sample in data_samples])


def cam_classifier(
    num_classes: int, in_channels: int, hidden_channels: Sequence[int] = (), dropout: float = 0.0
) -> nn.Sequential:
    """3x3 convolutions with ReLU, then a 1x1 convolution to one map a class."""
    layers: list[nn.Module] = []
    for channels in hidden_channels:
        layers += [nn.Dropout(dropout)] if dropout else []
        layers += [nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
        in_channels = channels
    layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, SemanticConv(in_channels, num_classes, 1))


def normalize_maps(maps: Tensor) -> Tensor:
    """Min-max normalise each map, over its last two dimensions, to [0, 1]; a constant one becomes zero."""
    return min_max(maps.float(), epsilon=torch.finfo(torch.float32).tiny)
