"""Tracing a model for any batch and input size."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from .graph import ExportModel
from .replacements import replaced

# The size of the batch to trace with.
_BATCH = 2


def trace(
    model: ExportModel, input_size: tuple[int, int], fixed_size: bool = False, plain_attention: bool = False
) -> ExportedProgram:
    """Trace the graph, for any batch size and, unless it is fixed, any input size.

    Args:
        model: The model, on the CPU.
        input_size: ``(height, width)``; only a hint unless the size is fixed.
        fixed_size: Whether the graph takes this size alone.
        plain_attention: Whether attention is written out, for runtimes other
            than PyTorch.

    Returns:
        The program, which takes ``images`` and returns a tuple, see
        :meth:`ExportModel.forward`. It refuses sides of less than two
        patches, and those that the model refuses.

    Raises:
        ValueError: If the model cannot be traced.
    """
    if not fixed_size and any(map(_pads_by_size, model.modules())):
        raise ValueError(
            "this model pads each layer as its input's size wants it, as timm's Conv2dSame does, and cannot be exported"
            ' for every input size; export it for one size with fixed_size=True'
        )
    height, width = input_size
    dynamic = {0: Dim.DYNAMIC, **({} if fixed_size else {2: Dim.DYNAMIC, 3: Dim.DYNAMIC})}
    if not fixed_size:  # the sides differ, so that the tracer cannot take one for the other
        width *= 3 if height == 2 * width else 2
    images = torch.zeros(_BATCH, 3, height, width)
    try:
        with torch.no_grad(), replaced(model, not fixed_size, plain_attention), quietly():
            return torch.export.export(model, (images,), dynamic_shapes=(dynamic,), strict=False)
    except Exception as error:  # what cannot be traced fails in any way
        backbone = type(model.model.backbone).__name__
        if fixed_size:
            what, remedy = f'at {height}x{width}', ''
        else:
            what, remedy = 'for every input size', '; export it for one size with fixed_size=True'
        raise ValueError(
            f'this model ({backbone}) cannot be exported {what}{remedy}. The exporter says: '
            f'{" ".join(str(error).split())[:400]}'
        ) from error


def _pads_by_size(module: nn.Module) -> bool:
    """Whether a layer is one of timm's with TensorFlow's padding: the exporter's formulas double with each of them."""
    kind = type(module)
    return kind.__module__.startswith('timm.') and kind.__name__.endswith('Same')


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the exporters' many remarks on their own work."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
