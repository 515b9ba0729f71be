"""Training in bfloat16."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from torch import nn

from mmtscam.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """Runs forward passes under bfloat16 autocast, on CPUs and GPUs.

    mmengine's ``AmpOptimWrapper`` is for GPUs alone and scales the loss, which
    bfloat16 does not need. Weights, their gradients and the optimizer stay in
    ``float32``.

    Args:
        *args: Arguments of ``OptimWrapper``.
        **kwargs: Arguments of ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """See ``OptimWrapper``; adds the autocast."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
