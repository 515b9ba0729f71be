"""Checks that a backbone's output suits a head."""

import sys
from typing import Any

from torch import Tensor, nn

from mmtscam.models.backbones.token_features import TokenFeatures


def check_tokens(head: nn.Module, feats: Any, in_channels: int) -> TokenFeatures:
    """Refuse anything but the tokens that a head can use.

    Args:
        head: The head, for the message.
        feats: The backbone's output.
        in_channels: Width D that the head expects.

    Returns:
        The backbone's output.

    Raises:
        ValueError: If it is no :class:`TokenFeatures` of this width.
    """
    if not isinstance(feats, TokenFeatures):
        raise ValueError(
            f'{type(head).__name__} works on tokens, and {_backbone_of(head)} gives {_describe(feats)}: its forward '
            'must return mmtscam.models.TokenFeatures, which TSCAMDeiT and TSCAMConformer do'
        )
    _check_channels(head, feats.patches, in_channels)
    return feats


def check_feature_maps(head: nn.Module, feats: Any, in_channels: int, count: int = 1) -> tuple[Tensor, ...]:
    """Refuse anything but the feature maps that a head can use.

    Args:
        head: The head, for the message.
        feats: The backbone's output.
        in_channels: Channels D of the last map that the head expects.
        count: Number of maps that it needs.

    Returns:
        The backbone's output.

    Raises:
        ValueError: If it is no tuple of so many maps ``(B, D, h, w)``, or
            channels come last.
    """
    # A NamedTuple such as TokenFeatures is a tuple too, but its last entry is no feature map.
    plain = isinstance(feats, tuple | list) and not hasattr(feats, '_fields')
    if not plain or len(feats) < count or not all(isinstance(each, Tensor) and each.ndim == 4 for each in feats):
        maps = 'a feature map' if count == 1 else f'{count} feature maps'
        raise ValueError(
            f'{type(head).__name__} works on {maps} (B, D, h, w), and {_backbone_of(head)} gives {_describe(feats)}: '
            'its forward must return a tuple of feature maps, as the ones of mmpretrain do (out_indices and out_type '
            'choose them)'
        )
    _check_channels(head, feats[-1], in_channels)
    return tuple(feats)


def _check_channels(head: nn.Module, features: Tensor, in_channels: int) -> None:
    if features.shape[1] != in_channels:
        if features.shape[1] != features.shape[-1] == in_channels:
            raise ValueError(
                f'{_backbone_of(head)} gives channels last, {tuple(features.shape)}, and {type(head).__name__} works '
                'on (B, D, h, w): let it permute its output, or choose the argument with which it does'
            )
        raise ValueError(
            f'{_backbone_of(head)} gives {features.shape[1]} channels and {type(head).__name__} expects {in_channels}: '
            f'set model.head.in_channels={features.shape[1]}'
        )


def _describe(feats: Any) -> str:
    if isinstance(feats, Tensor):
        return f'one tensor of shape {tuple(feats.shape)}'
    if isinstance(feats, tuple | list) and not hasattr(feats, '_fields'):
        return f'a {type(feats).__name__} of {", ".join(_describe(each) for each in feats) or "nothing"}'
    return f'a {type(feats).__name__}'


def _backbone_of(head: nn.Module) -> str:
    """Name of the backbone before a head. It is found among the callers, because a head does not know its model."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        owner = frame.f_locals.get('self')
        if isinstance(owner, nn.Module) and getattr(owner, 'head', None) is head and hasattr(owner, 'backbone'):
            return f'the backbone, {type(owner.backbone).__name__},'
    return 'the backbone'
