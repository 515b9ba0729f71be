"""Pure functions of weakly supervised object localization, on plain arrays and tensors."""

from .attention import aggregate_attention, class_attention, explicit_attention
from .baselines import best_constant_box, constant_box_accuracy
from .boxes import box_overlaps, boxes_to_frame, boxes_to_image, map_to_boxes, quantize_map
from .maps import MAP_MODES, localization_maps
from .outcomes import Outcome, OutcomeLimits, localization_outcome
from .protocols import PROTOCOLS, Protocol, get_protocol

__all__ = [
    'MAP_MODES',
    'PROTOCOLS',
    'Outcome',
    'OutcomeLimits',
    'Protocol',
    'aggregate_attention',
    'best_constant_box',
    'box_overlaps',
    'boxes_to_frame',
    'boxes_to_image',
    'class_attention',
    'constant_box_accuracy',
    'explicit_attention',
    'get_protocol',
    'localization_maps',
    'localization_outcome',
    'map_to_boxes',
    'quantize_map',
]
