"""The highest rate of matrix products on this machine."""

import time
from collections.abc import Sequence
from functools import partial

import torch

from .worker import Task

_REPEATS = 3


def matmul_shapes(tokens: int, width: int, hidden: int, device: str) -> list[tuple[int, int, int]]:
    """Shapes of matrix products, the fastest of which is taken as the machine's peak.

    Args:
        tokens: Tokens of a batch, B x N.
        width: Width D of a token.
        hidden: Width of the MLPs' hidden layer.
        device: ``'cpu'`` or a CUDA device.

    Returns:
        ``(rows, inner, columns)`` of each product: a large square one, and
        the network's own largest ones, the layers of its MLPs.
    """
    side = 2048 if device == 'cpu' else 8192
    return [(side, side, side), (tokens, width, hidden), (tokens, hidden, width)]


def build_matmul(shapes: Sequence[tuple[int, int, int]], precision: str, device: str) -> Task:
    """Make the task of a worker that measures matrix products.

    Args:
        shapes: See :func:`matmul_shapes`.
        precision: ``'fp32'`` or ``'bf16'``.
        device: Where to multiply.

    Returns:
        A function that returns the best rate of the shapes, in floating-point
        operations a second, two for a multiply-accumulate.
    """
    dtype = dict(fp32=torch.float32, bf16=torch.bfloat16)[precision]
    generator = torch.Generator().manual_seed(0)

    def draw(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, generator=generator).to(device, dtype)

    pairs = [(draw(rows, inner), draw(inner, columns)) for rows, inner, columns in shapes]
    return partial(_best_rate, pairs, device)


def _best_rate(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]], device: str) -> float:
    best = 0.0
    for first, second in pairs:
        flops = 2 * first.shape[0] * first.shape[1] * second.shape[1]
        out = first @ second  # untimed
        repeats = _REPEATS if device == 'cpu' else 10 * _REPEATS
        _wait(device)
        start = time.perf_counter()
        for _ in range(repeats):
            torch.mm(first, second, out=out)
        _wait(device)
        best = max(best, flops * repeats / (time.perf_counter() - start))
    return best


def _wait(device: str) -> None:
    if device != 'cpu':
        torch.cuda.synchronize(device)
