"""Full precision where half of it would not do."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """A tensor in ``float32``, or as it is where it is in ``float64``."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def without_autocast(tensor: Tensor) -> AbstractContextManager:
    """A context in which operations on the tensor's device keep the precision of what they are given."""
    # There is none for tensors without data, by which operations are counted.
    return nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False)
