"""Reading and converting checkpoints, of this package and of the released models."""

from .conversion import ReferenceModel, from_reference, is_reference, our_names, reference_model, to_reference
from .converted_files import mmtscam_to_reference, reference_to_mmtscam
from .files import damage, read_content, read_state
from .pretrained import PretrainedMixin, is_pretrained, load_classifier, load_pretrained, read_weights
from .strict import load_strictly
from .trained_classes import TrainedClasses, classes_of, trained_classes
from .whole_classifier import load_whole_classifier

__all__ = [
    'PretrainedMixin',
    'ReferenceModel',
    'TrainedClasses',
    'classes_of',
    'damage',
    'from_reference',
    'is_pretrained',
    'is_reference',
    'load_classifier',
    'load_pretrained',
    'load_strictly',
    'load_whole_classifier',
    'mmtscam_to_reference',
    'our_names',
    'read_content',
    'read_state',
    'read_weights',
    'reference_model',
    'reference_to_mmtscam',
    'to_reference',
    'trained_classes',
]
