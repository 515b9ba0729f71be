"""Parts that several models share."""

from .class_attention import (
    ATTENTION_AGGREGATIONS,
    ATTENTION_IMPLS,
    ClassAttention,
    ClassAttentionMixin,
    SplitAttention,
    expose_class_attention,
)
from .conversion import ReferenceModel, from_reference, is_reference, reference_model, to_reference
from .features import TokenFeatures
from .fused_linear import FusedLinear, fuse_linears
from .head_layers import FullPrecisionLinear, SemanticConv
from .localize import localize
from .predictions import PendingSamples
from .pretrained import PretrainedMixin, load_classifier, load_pretrained, read_state, read_weights, unwrap_state
from .strict import load_strictly

__all__ = [
    'ATTENTION_AGGREGATIONS',
    'ATTENTION_IMPLS',
    'ClassAttention',
    'ClassAttentionMixin',
    'FullPrecisionLinear',
    'FusedLinear',
    'PendingSamples',
    'PretrainedMixin',
    'ReferenceModel',
    'SemanticConv',
    'SplitAttention',
    'TokenFeatures',
    'expose_class_attention',
    'from_reference',
    'fuse_linears',
    'is_reference',
    'load_classifier',
    'load_pretrained',
    'load_strictly',
    'localize',
    'read_state',
    'read_weights',
    'reference_model',
    'to_reference',
    'unwrap_state',
]
