"""Pure functions of weakly supervised object localization, on plain arrays and tensors.

They need NumPy, OpenCV and PyTorch alone. PyTorch is loaded only when a name
that needs it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .accuracy import accuracy_over_ious
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
from .outcomes import Outcome, OutcomeLimits, localization_outcome
from .pixels import pixel_average_precision, pixel_histograms, precision_recall
from .protocols import PROTOCOLS, Protocol, get_protocol
from .sweep import correct_at_thresholds, threshold_grid
from .windows import window_around

if TYPE_CHECKING:
    from .attention import (
        aggregate_attention,
        attention_rollout,
        class_attention,
        explicit_attention,
        foreground_gate,
        propagated_attention,
        rowwise_attention,
    )
    from .coupling import couple_maps
    from .diffusion import grid_laplacian, min_max, newton_schulz, spread_over_alike
    from .self_comparison import correlate_maps, enhance_maps, self_correlation
    from .semantic import semantic_logits, semantic_maps

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
    'correlate_maps',
    'couple_maps',
    'enhance_maps',
    'explicit_attention',
    'foreground_gate',
    'get_protocol',
    'grid_laplacian',
    'localization_outcome',
    'map_to_boxes',
    'map_to_instances',
    'min_max',
    'newton_schulz',
    'normalize_map',
    'pixel_average_precision',
    'pixel_histograms',
    'precision_recall',
    'propagated_attention',
    'quantize_map',
    'rowwise_attention',
    'self_correlation',
    'semantic_logits',
    'semantic_maps',
    'spread_over_alike',
    'threshold_grid',
    'threshold_map',
    'window_around',
]

# Names that need PyTorch, and their modules.
_WITH_TORCH = {
    'aggregate_attention': 'attention',
    'attention_rollout': 'attention',
    'class_attention': 'attention',
    'correlate_maps': 'self_comparison',
    'couple_maps': 'coupling',
    'enhance_maps': 'self_comparison',
    'explicit_attention': 'attention',
    'foreground_gate': 'attention',
    'grid_laplacian': 'diffusion',
    'min_max': 'diffusion',
    'newton_schulz': 'diffusion',
    'propagated_attention': 'attention',
    'rowwise_attention': 'attention',
    'self_correlation': 'self_comparison',
    'semantic_logits': 'semantic',
    'semantic_maps': 'semantic',
    'spread_over_alike': 'diffusion',
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_WITH_TORCH[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
