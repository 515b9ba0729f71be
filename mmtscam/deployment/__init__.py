"""Export of a model to one file that computes scores and maps from pixels."""

import mmtscam.registry  # noqa: F401 - before mmpretrain, of which it leaves a part out

from .agreement import Agreement, CheckImage, Prediction, accuracy, compare, predict
from .check import Runner, largest_differences, load_exported, model_outputs, open_onnx, time_in_turn
from .check_images import images_of_files, images_of_test_set
from .export import export_metadata, export_onnx, export_program, pipeline_input_size
from .graph import METADATA_KEY, ExportModel
from .quantization import Quantized, linear_layers, quantize, quantize_file
from .tracing import trace

__all__ = [
    'METADATA_KEY',
    'Agreement',
    'CheckImage',
    'ExportModel',
    'Prediction',
    'Quantized',
    'Runner',
    'accuracy',
    'compare',
    'export_metadata',
    'export_onnx',
    'export_program',
    'images_of_files',
    'images_of_test_set',
    'largest_differences',
    'linear_layers',
    'load_exported',
    'model_outputs',
    'open_onnx',
    'pipeline_input_size',
    'predict',
    'quantize',
    'quantize_file',
    'time_in_turn',
    'trace',
]
