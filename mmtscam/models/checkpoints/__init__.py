"""Reading and converting checkpoints, of this package and of the released models."""

from .conversion import ReferenceModel, from_reference, is_reference, reference_model, to_reference
from .converted_files import mmtscam_to_reference, reference_to_mmtscam
from .pretrained import (
    PretrainedMixin,
    is_pretrained,
    load_classifier,
    load_pretrained,
    read_state,
    read_weights,
    unwrap_state,
)
from .strict import load_strictly
from .whole_classifier import load_whole_classifier

__all__ = [
    'PretrainedMixin',
    'ReferenceModel',
    'from_reference',
    'is_pretrained',
    'is_reference',
    'load_classifier',
    'load_pretrained',
    'load_strictly',
    'load_whole_classifier',
    'mmtscam_to_reference',
    'read_state',
    'read_weights',
    'reference_model',
    'reference_to_mmtscam',
    'to_reference',
    'unwrap_state',
]
