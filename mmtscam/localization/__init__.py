"""Pure functions of weakly supervised object localization, on plain arrays and tensors."""

from .accuracy import accuracy_over_ious
from .attention import aggregate_attention, attention_rollout, class_attention, explicit_attention, rowwise_attention
from .boxes import (
    box_overlaps,
    boxes_to_frame,
    boxes_to_image,
    map_to_boxes,
    map_to_instances,
    normalize_map,
    quantize_map,
    threshold_map,
)
from .constant_boxes import best_constant_box, constant_box_accuracy
from .coupling import couple_maps
from .outcomes import Outcome, OutcomeLimits, localization_outcome
from .pixels import pixel_average_precision, pixel_histograms, precision_recall
from .protocols import PROTOCOLS, Protocol, get_protocol
from .semantic import semantic_logits, semantic_maps
from .sweep import correct_at_thresholds, threshold_grid

__all__ = [
    'PROTOCOLS',
    'Outcome',
    'OutcomeLimits',
    'Protocol',
    'accuracy_over_ious',
    'aggregate_attention',
    'attention_rollout',
    'best_constant_box',
    'box_overlaps',
    'boxes_to_frame',
    'boxes_to_image',
    'class_attention',
    'constant_box_accuracy',
    'correct_at_thresholds',
    'couple_maps',
    'explicit_attention',
    'get_protocol',
    'localization_outcome',
    'map_to_boxes',
    'map_to_instances',
    'normalize_map',
    'pixel_average_precision',
    'pixel_histograms',
    'precision_recall',
    'quantize_map',
    'rowwise_attention',
    'semantic_logits',
    'semantic_maps',
    'threshold_grid',
    'threshold_map',
]
