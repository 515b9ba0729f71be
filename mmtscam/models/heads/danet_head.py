"""The head of DANet, which classifies at three levels of a label tree and keeps their maps apart."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmtscam.localization.precision import full_precision, without_autocast
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead, cam_classifier
from .features import check_feature_maps

_REDUCTIONS = ('abs_sum', 'sum_abs')


@MODELS.register_module()
class DANetHead(CAMHead):
    """DANet: three levels of classes from three depths, with several maps a class that differ from each other.

    The levels are the roots of a label tree, their children, here called
    parents, and the classes; roots are told from the shallowest features.
    Each group of a level, and each class, has K maps. Its logit is their mean
    over maps and positions. A penalty lowers the cosines between the maps on
    the path from the true class to its root. The map of a class is the sum,
    over its path, of the means of its K maps without their negative parts.

    Reference: Xue et al., "DANet: Divergent Activation for Weakly Supervised
    Object Localization", ICCV 2019. The defaults are those of the authors'
    code for VGG16.

    Args:
        num_classes: Number of classes C.
        in_channels: Channels of the backbone's last three feature maps,
            shallow ones first.
        hierarchy: The root of each class and the parent of each class, two
            sequences of length C. Roots and parents are numbered from 0
            without gaps, and each parent lies in one root.
        hidden_channels: Channels of both 3x3 convolutions of each level.
        dropout: The same as for :class:`CAMHead`, at each level.
        num_maps: Number K of maps a group or class.
        cos_weight: Weight of the penalty.
        reduction: See :func:`cosine_penalty`.
        loss: Config of the classification loss of each level; cross-entropy
            with weight 1/2 by default.
        **kwargs: Further arguments of ``CAMHead``.

    Raises:
        ValueError: If an argument is not among its choices, or ``hierarchy``
            is no tree of the classes.
    """

    num_feature_maps = 3
    hierarchy: Tensor

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int],
        hierarchy: Sequence[Sequence[int]],
        hidden_channels: Sequence[int] = (512, 1024, 1024),
        dropout: float = 0.0,
        num_maps: int = 8,
        cos_weight: float = 0.01,
        reduction: str = 'abs_sum',
        loss: dict | None = None,
        **kwargs: Any,
    ) -> None:
        for name, widths in (('in_channels', in_channels), ('hidden_channels', hidden_channels)):
            if not isinstance(widths, Sequence) or len(widths) != 3:
                raise ValueError(f'{name} must name the channels of three levels, shallow ones first, got {widths}')
        if not isinstance(num_maps, int) or num_maps < 2:
            raise ValueError(f'num_maps must be at least 2, since maps are compared, got {num_maps}')
        if reduction not in _REDUCTIONS:
            raise ValueError(f'reduction must be one of {", ".join(_REDUCTIONS)}, got {reduction!r}')
        check_hierarchy(hierarchy, num_classes)
        loss = loss or dict(type='mmpretrain.CrossEntropyLoss', loss_weight=0.5)
        super().__init__(num_classes, in_channels[-1], loss=loss, **kwargs)
        self.num_maps, self.cos_weight, self.reduction = num_maps, cos_weight, reduction
        path = torch.tensor([*hierarchy, range(num_classes)])  # (3, C): the path of each class
        self.register_buffer('hierarchy', path, persistent=False)
        *coarse, self.classifier = (
            cam_classifier(groups * num_maps, channels, (width, width), dropout)
            for groups, channels, width in zip((path.amax(1) + 1).tolist(), in_channels, hidden_channels, strict=True)
        )
        self.coarse_classifiers = nn.ModuleList(coarse)
        self.level_channels = tuple(in_channels)
        # Weights of classes and their number are those of the classes alone.
        coarse_loss = {name: value for name, value in loss.items() if name not in ('class_weight', 'num_classes')}
        self.coarse_losses = nn.ModuleList(MODELS.build(coarse_loss) for _ in range(2))

    def prepare(self, feats: tuple[Tensor, ...]) -> Any:
        """Compute the inputs ``(B, D', h, w)`` of the three levels' last layers, shallow ones first."""
        feats = check_feature_maps(self, feats, self.in_channels, self.num_feature_maps)[-self.num_feature_maps :]
        if (found := tuple(each.shape[1] for each in feats)) != self.level_channels:
            raise ValueError(
                f'the backbone gives {found} channels at three levels and DANetHead expects {self.level_channels}: set '
                f'model.head.in_channels={found}'
            )
        return tuple(level[:-1](features) for level, features in zip(self._levels, feats, strict=True))

    def logits(self, feats: Any) -> Tensor:
        """Logits ``(B, C)`` of the classes, the deepest level's."""
        return self._logits(self.classifier, feats[-1])

    def maps(self, feats: Any, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Maps of the first level's size, see :meth:`BaseLocHead.maps`."""
        size = feats[0].shape[-2:]
        by_level = []
        for level, features, groups in zip(self._levels, feats, self.hierarchy, strict=True):
            maps = self._maps(level, features, None if labels is None else groups[labels]).relu().mean(dim=2)
            maps = _resize(maps, size)
            by_level.append(maps[:, groups] if labels is None else maps)
        return dict(semantic=sum(by_level[1:], by_level[0]).float())

    def compared_features(self, feats: tuple[Tensor, ...], prepared: Any) -> tuple[Tensor, ...]:
        """The feature maps of CAM, resized to the maps' size; see :meth:`CAMHead.compared_features`.

        The last are the input of the deepest level's last layer: the classes
        are told from these.
        """
        size = prepared[0].shape[-2:]
        return tuple(_resize(features, size) for features in (*feats, prepared[-1]))

    def extra_losses(self, feats: Any, data_samples: Sequence[LocDataSample]) -> dict[str, Tensor]:
        """Classify at the other two levels, and keep the maps of the true path apart.

        Args:
            feats: Result of :meth:`prepare`.
            data_samples: Samples with ``gt_label``.

        Returns:
            ``loss_parent``, ``loss_root`` and ``loss_cos``.

        Raises:
            ValueError: If the samples have soft labels.
        """
        path = self.hierarchy[:, self.true_labels(data_samples)]  # (3, B)
        coarse = zip(self.coarse_losses, self._levels[:2], feats[:2], path[:2], strict=True)
        root, parent = (
            loss(self._logits(level, features), groups, avg_factor=len(groups))
            for loss, level, features, groups in coarse
        )
        # The authors resize so here: corners of the grids, not of the pixels, coincide.
        maps = torch.cat(
            [
                _resize(self._maps(level, features, groups.unsqueeze(1))[:, 0], feats[0].shape[-2:], align_corners=True)
                for level, features, groups in zip(self._levels, feats, path, strict=True)
            ],
            dim=1,
        )
        penalty = cosine_penalty(maps[:, draw_half(maps.shape[1], maps.device)], self.reduction)
        return dict(loss_parent=parent, loss_root=root, loss_cos=self.cos_weight * penalty)

    @property
    def _levels(self) -> list[nn.Sequential]:
        return [*self.coarse_classifiers, self.classifier]

    def _logits(self, level: nn.Sequential, features: Tensor) -> Tensor:
        """Logits ``(B, G)`` of a level's G groups."""
        return level[-1](features, mean=True).unflatten(1, (-1, self.num_maps)).mean(dim=2)

    def _maps(self, level: nn.Sequential, features: Tensor, groups: Tensor | None) -> Tensor:
        """The maps ``(B, n, K, h, w)`` of some groups ``(B, n)`` of a level, or of all, in full precision."""
        channels = None
        if groups is not None:
            places = torch.arange(self.num_maps, device=groups.device)
            channels = (groups.unsqueeze(-1) * self.num_maps + places).flatten(1)
        return full_precision(level[-1](features, channels)).unflatten(1, (-1, self.num_maps))


def check_hierarchy(hierarchy: Sequence[Sequence[int]], num_classes: int) -> None:
    """Refuse roots and parents that are no tree of the classes.

    Args:
        hierarchy: See :class:`DANetHead`.
        num_classes: Number of classes C.

    Raises:
        ValueError: If it is not two sequences of length C, numbers have gaps,
            or a parent lies in two roots.
    """
    levels = [*hierarchy] if isinstance(hierarchy, Sequence) else []
    numbered = all(
        isinstance(groups, Sequence) and all(isinstance(group, int) for group in groups) for groups in levels
    )
    if len(levels) != 2 or not numbered or any(len(groups) != num_classes for groups in levels):
        lengths = ', '.join(str(len(groups)) for groups in levels if isinstance(groups, Sequence))
        raise ValueError(
            'hierarchy must be two sequences of whole numbers, the root (order) and the parent (family) of each of the '
            f'{num_classes} classes, got {len(levels)} of length {lengths or 0}'
        )
    for name, groups in zip(('roots', 'parents'), hierarchy, strict=True):
        if missing := set(range(len(set(groups)))) - set(groups):
            raise ValueError(f'hierarchy: number the {name} from 0 without gaps; there is no {min(missing)}')
    root_of: dict[int, int] = {}
    for label, (root, parent) in enumerate(zip(*hierarchy, strict=True)):
        if root_of.setdefault(parent, root) != root:
            raise ValueError(
                f'hierarchy: parent {parent} lies in root {root_of[parent]} and, by class {label}, in root {root}: '
                'split the parent, or are both sequences swapped?'
            )


def draw_half(number: int, device: torch.device) -> Tensor:
    """Choose half of some maps, the same ones in every process.

    The run's seed and its iteration, which mmengine tells, make the draw, so
    it is the same in a resumed run. Outside a run both are 0.

    Args:
        number: Number of maps.
        device: Where the indices shall be.

    Returns:
        ``(number // 2,)`` different indices, ``int64``.
    """
    hub = MessageHub.get_current_instance()
    generator = torch.Generator().manual_seed(hub.get_info('seed', 0) + hub.get_info('iter', 0))
    chosen = torch.randperm(number, generator=generator)[: number // 2].to(device)
    broadcast(chosen)  # with diff_rank_seed, seeds differ
    return chosen


def cosine_penalty(maps: Tensor, reduction: str) -> Tensor:
    """Measure how much maps of an image are alike, by the cosines of all pairs.

    Reference: divergent activation in DANet. The sum of cosines under an
    absolute value is what the authors' code has; there, cosines of opposite
    signs cancel.

    Args:
        maps: ``(B, n, h, w)`` maps, n > 1.
        reduction: ``'abs_sum'`` for the absolute value of each image's mean
            over pairs, ``'sum_abs'`` for the mean of absolute values.

    Returns:
        The mean over images, in [0, 1], ``float32`` at least.
    """
    with without_autocast(maps):
        vectors = full_precision(maps).flatten(2)
        products = vectors @ vectors.mT  # (B, n, n)
        squares = products.diagonal(dim1=1, dim2=2)
        cosines = products / (squares.unsqueeze(1) * squares.unsqueeze(2) + 1e-8).sqrt()
        first, second = torch.triu_indices(maps.shape[1], maps.shape[1], offset=1, device=maps.device)
        pairs = cosines[:, first, second]
        return (pairs.mean(dim=1).abs() if reduction == 'abs_sum' else pairs.abs()).mean()


def _resize(maps: Tensor, size: torch.Size, align_corners: bool = False) -> Tensor:
    return F.interpolate(maps, size, mode='bilinear', align_corners=align_corners)
