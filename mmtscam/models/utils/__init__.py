"""Parts that several models share."""

from .class_attention import (
    ATTENTION_AGGREGATIONS,
    ATTENTION_IMPLS,
    ClassAttention,
    ClassAttentionMixin,
    expose_class_attention,
)
from .conversion import from_reference, is_reference, to_reference
from .features import TokenFeatures
from .localize import localize
from .pretrained import PretrainedMixin, load_classifier, load_pretrained, read_weights

__all__ = [
    'ATTENTION_AGGREGATIONS',
    'ATTENTION_IMPLS',
    'ClassAttention',
    'ClassAttentionMixin',
    'PretrainedMixin',
    'TokenFeatures',
    'expose_class_attention',
    'from_reference',
    'is_reference',
    'load_classifier',
    'load_pretrained',
    'localize',
    'read_weights',
    'to_reference',
]
