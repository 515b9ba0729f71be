"""The type of mixed precision on CPUs and GPUs."""

import functools
import logging
import time

import torch
from mmengine.logging import print_log


@functools.cache
def amp_dtype() -> torch.dtype:
    """The type that mixed precision computes in: bfloat16, or float16 on GPUs that lack it.

    bfloat16 has the range of float32, so nothing overflows and losses need no
    scaling. Some CPUs have no instructions for bfloat16 and multiply it slower
    than float32; the first call warns there.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    slowdown = product_time(torch.bfloat16) / product_time(torch.float32)
    if slowdown > 1:
        print_log(
            f'On this CPU matrix products in bfloat16 take {slowdown:.1f} times as long as in float32: mixed '
            'precision saves memory here, but no time',
            logger='current',
            level=logging.WARNING,
        )
    return torch.bfloat16


def product_time(dtype: torch.dtype, size: int = 1024, repeats: int = 5) -> float:
    """Seconds for a matrix product on the CPU, the best of several.

    Args:
        dtype: Type of the matrices.
        size: Their side.
        repeats: How often to measure, after one product that is not.
    """
    matrix = torch.ones(size, size, dtype=dtype)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
