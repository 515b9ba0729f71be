"""Layers that several models share."""

from .class_attention import (
    ATTENTION_AGGREGATIONS,
    ATTENTION_IMPLS,
    ATTENTION_TIMES,
    ClassAttention,
    ClassAttentionMixin,
    SplitAttention,
    check_gradient,
    expose_class_attention,
)
from .ellipse_mask import EllipseMask
from .erasing import erase_attended
from .foreground_losses import blur_kernel, mean_area, norm_loss
from .fused_linear import FusedLinear, fuse_linears
from .gated_attention import GatedAttention, gate_attention
from .head_layers import FullPrecisionLinear, SemanticConv
from .rectangle_mask import RectangleMask
from .shape_mask import ShapeMask
from .skipping_block import SkippingBlock, skip_dropped_paths
from .thresholded_conv import ThresholdedConv, thresholded_mean

__all__ = [
    'ATTENTION_AGGREGATIONS',
    'ATTENTION_IMPLS',
    'ATTENTION_TIMES',
    'ClassAttention',
    'ClassAttentionMixin',
    'EllipseMask',
    'FullPrecisionLinear',
    'FusedLinear',
    'GatedAttention',
    'RectangleMask',
    'SemanticConv',
    'ShapeMask',
    'SkippingBlock',
    'SplitAttention',
    'ThresholdedConv',
    'blur_kernel',
    'check_gradient',
    'erase_attended',
    'expose_class_attention',
    'fuse_linears',
    'gate_attention',
    'mean_area',
    'norm_loss',
    'skip_dropped_paths',
    'thresholded_mean',
]
