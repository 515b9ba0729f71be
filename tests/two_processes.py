"""How the processes that test_distributed_modes.py starts begin and end."""

import gc
import os
from functools import wraps
from pathlib import Path
from typing import Any

import torch
import torch.distributed as torch_dist


def begin_processes(store: str) -> None:
    """Join the processes with gloo, which refuses from now on what NCCL refuses: tensors that are not contiguous.

    Args:
        store: The file by which they meet.
    """
    rank, world_size = (int(os.environ[name]) for name in ('RANK', 'WORLD_SIZE'))
    torch_dist.init_process_group('gloo', init_method=Path(store).as_uri(), rank=rank, world_size=world_size)
    for name in ('all_gather', 'all_reduce', 'broadcast'):
        setattr(torch_dist, name, _strict(getattr(torch_dist, name)))


def _strict(collective: Any) -> Any:
    @wraps(collective)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for each in args:
            for tensor in each if isinstance(each, list) else [each]:
                assert not isinstance(tensor, torch.Tensor) or tensor.is_contiguous(), 'Tensors must be contiguous'
        return collective(*args, **kwargs)

    return checked


def end_processes() -> None:
    """Leave the process group, when nothing of the test's is left that holds it.

    Call it where the wrapped model has gone out of scope. If the reducer of
    DistributedDataParallel were the last to hold the group, it would end the
    group's threads while it holds the interpreter's lock, and for that lock
    one of these may wait, to free a tensor of the last exchange.
    """
    gc.collect()  # a runner and its hooks hold each other
    torch_dist.destroy_process_group()
