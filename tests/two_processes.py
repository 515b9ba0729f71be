"""How the processes that test_distributed_modes.py starts end."""

import gc

import torch.distributed as torch_dist


def end_processes() -> None:
    """Leave the process group, when nothing of the test's is left that holds it.

    Call it where the wrapped model has gone out of scope. If the reducer of
    DistributedDataParallel were the last to hold the group, it would end the
    group's threads while it holds the interpreter's lock, and for that lock
    one of these may wait, to free a tensor of the last exchange.
    """
    gc.collect()  # a runner and its hooks hold each other
    torch_dist.destroy_process_group()
