"""Full precision under autocast, for operations that need it."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """A tensor in ``float32``; one in ``float64`` is returned unchanged."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def without_autocast(tensor: Tensor) -> AbstractContextManager:
    """A context in which operations on the tensor's device keep the precision of their inputs."""
    # Meta tensors, by which operations are counted, have no autocast.
    return nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False)
