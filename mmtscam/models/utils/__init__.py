"""Parts that several models share."""

from .class_attention import ATTENTION_IMPLS, ClassAttention, expose_class_attention
from .localize import localize
from .pretrained import convert_deit_keys, load_pretrained

__all__ = [
    'ATTENTION_IMPLS',
    'ClassAttention',
    'convert_deit_keys',
    'expose_class_attention',
    'load_pretrained',
    'localize',
]
