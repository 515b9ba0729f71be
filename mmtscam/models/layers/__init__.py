"""Layers that several models share."""

from .class_attention import (
    ATTENTION_AGGREGATIONS,
    ATTENTION_IMPLS,
    ATTENTION_TIMES,
    ClassAttention,
    ClassAttentionMixin,
    SplitAttention,
    expose_class_attention,
)
from .fused_linear import FusedLinear, fuse_linears
from .head_layers import FullPrecisionLinear, SemanticConv

__all__ = [
    'ATTENTION_AGGREGATIONS',
    'ATTENTION_IMPLS',
    'ATTENTION_TIMES',
    'ClassAttention',
    'ClassAttentionMixin',
    'FullPrecisionLinear',
    'FusedLinear',
    'SemanticConv',
    'SplitAttention',
    'expose_class_attention',
    'fuse_linears',
]
