"""Export of a model to one file that computes scores and maps from pixels."""

import mmtscam.registry  # noqa: F401 - before mmpretrain, of which it leaves a part out

from .check import Runner, largest_differences, load_exported, model_outputs, time_in_turn
from .export import export_metadata, export_onnx, export_program, pipeline_input_size
from .graph import METADATA_KEY, ExportModel
from .tracing import trace

__all__ = [
    'METADATA_KEY',
    'ExportModel',
    'Runner',
    'export_metadata',
    'export_onnx',
    'export_program',
    'largest_differences',
    'load_exported',
    'model_outputs',
    'pipeline_input_size',
    'time_in_turn',
    'trace',
]
