"""Reuse of CPU memory from one batch to the next."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # from malloc.h


def keep_freed_memory() -> bool:
    """Let the C library keep memory that was freed instead of handing it back.

    A forward pass on a CPU allocates and frees the same tens of megabytes in
    every block. glibc returns such pieces to the system at once, and the
    system then maps and clears each page anew. This takes a seventh of the
    time of DeiT-S. PyTorch has a caching allocator for GPUs only.

    Call it before the first batch, in the process that computes.

    Returns:
        Whether the C library is glibc, the common one on Linux; nothing is
        set in others.
    """
    if sys.platform != 'linux':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))
