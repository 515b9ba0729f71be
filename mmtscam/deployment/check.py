"""Checks of an exported file: how far its outputs are from the model's, and how fast it is."""

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmtscam.utils.timing import in_turn, seconds, spread

from .export import INSTALL_ONNX
from .graph import METADATA_KEY, ExportModel

# Seconds after which idle threads sleep.
_REST = 0.05
# A function from images (B, 3, H, W), float32 RGB in 0 to 255, to the outputs in order.
Runner = Callable[[np.ndarray], Sequence[np.ndarray]]


def load_exported(path: str | os.PathLike, onnx: bool) -> tuple[Runner, dict[str, Any]]:
    """Open an exported file, on the CPU and with as many threads as PyTorch has.

    Args:
        path: The file.
        onnx: Whether it is an ONNX file, run with onnxruntime; else one of
            ``torch.export``.

    Returns:
        The function that runs it, and its metadata.

    Raises:
        ModuleNotFoundError: If onnxruntime is needed and not installed.
    """
    if not onnx:
        extra = {METADATA_KEY: ''}
        with open(path, 'rb') as file:  # noqa: PTH123 - torch looks at the ending of a path
            program = torch.export.load(file, extra_files=extra).module()

        def run_program(images: np.ndarray) -> list[np.ndarray]:
            with torch.no_grad():
                return [output.numpy() for output in program(torch.from_numpy(images))]

        return run_program, json.loads(extra[METADATA_KEY])

    return open_onnx(os.fspath(path))


def open_onnx(file: str | bytes) -> tuple[Runner, dict[str, Any]]:
    """Open an ONNX file, on the CPU and with as many threads as PyTorch has.

    Args:
        file: Its path, or its content.

    Returns:
        The same as for :func:`load_exported`.

    Raises:
        ModuleNotFoundError: If onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'onnxruntime is not installed, which runs ONNX files: {INSTALL_ONNX}') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])

    def run_session(images: np.ndarray) -> list[np.ndarray]:
        return session.run(None, {'images': images})

    return run_session, json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])


@torch.no_grad()
def model_outputs(model: ExportModel, images: np.ndarray) -> list[Tensor]:
    """The outputs of the model itself, with its own preprocessor.

    Args:
        model: The wrapped model.
        images: ``(B, 3, H, W)`` ``float32`` RGB in 0 to 255.

    Returns:
        The same outputs as :meth:`ExportModel.forward`.
    """
    # The pipelines hand BGR to the preprocessor.
    inputs = model.model.data_preprocessor({'inputs': torch.from_numpy(images).flip(1)})['inputs']
    return list(model.outputs(inputs))


def largest_differences(model: ExportModel, run: Runner, images: np.ndarray) -> dict[str, float]:
    """Measure how far the outputs of an exported file are from the model's.

    Args:
        model: The wrapped model.
        run: Runs the file.
        images: The same as for :func:`model_outputs`.

    Returns:
        Name of an output to its largest difference, as a share of the largest
        value, because the values of coupled maps are small. It is infinite
        where shapes differ or a value is not a number.
    """
    outputs = zip(model.output_names, model_outputs(model, images), run(images), strict=True)
    return {name: relative_difference(expected.numpy(), output) for name, expected, output in outputs}


def relative_difference(expected: np.ndarray, output: np.ndarray) -> float:
    """Largest difference of two arrays, as a share of the largest value that is expected.

    It is infinite where shapes differ or a value is not a number.
    """
    if expected.shape != output.shape:
        return float('inf')
    largest = max(float(np.abs(expected).max()), float(np.finfo(np.float32).tiny))
    difference = float(np.abs(expected - output).max()) / largest
    return difference if np.isfinite(difference) else float('inf')


def time_in_turn(
    model: ExportModel, run: Runner, images: np.ndarray, rounds: int, *others: Runner
) -> tuple[float, ...]:
    """Time PyTorch and exported files in turn on the same images.

    Idle threads of PyTorch and of runtimes look for work for some
    milliseconds, and keep the next one from its cores. So each way waits, and
    runs once, before it is timed.

    Args:
        model: The wrapped model.
        run: Runs the file.
        images: The same as for :func:`model_outputs`.
        rounds: How often each is timed.
        *others: Run further files.

    Returns:
        Median milliseconds an image, of the model and of each file.
    """
    tensor = torch.from_numpy(images)

    @torch.inference_mode()
    def run_model() -> None:
        model(tensor)

    def timed(way: Callable[[], object]) -> float:
        time.sleep(_REST)
        way()
        return seconds(way)

    ways = [partial(timed, run_model), *(partial(timed, partial(each, images)) for each in (run, *others))]
    return tuple(1000 * spread(taken)['median'] / len(images) for taken in in_turn(ways, rounds))
