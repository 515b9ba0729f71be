"""Memory that this process uses, and memory that is free."""

from contextlib import suppress
from pathlib import Path

import torch

_PROC = Path('/proc/self')


def memory_in_use(device: str = 'cpu') -> int | None:
    """Bytes in use now: resident memory of the process, or what is allocated on the GPU.

    Args:
        device: ``'cpu'`` or a CUDA device.

    Returns:
        The bytes; ``None`` where the system has no ``/proc`` to tell them.
    """
    if device != 'cpu':
        return torch.cuda.memory_allocated(device)
    return _status('VmRSS')


def peak_memory(device: str = 'cpu') -> int | None:
    """Most bytes in use since :func:`reset_peak_memory`, counted as in :func:`memory_in_use`."""
    if device != 'cpu':
        return torch.cuda.max_memory_allocated(device)
    return _status('VmHWM')


def reset_peak_memory(device: str = 'cpu') -> None:
    """Reset the peak.

    Where the system does not allow this on a CPU, the peak stays that of the
    whole process, which is higher.
    """
    if device != 'cpu':
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        (_PROC / 'clear_refs').write_text('5')
    except OSError:
        return


def tree_memory() -> int | None:
    """Bytes that this process and those below it use, with what they share counted once.

    Returns:
        The sum of their proportional set sizes; ``None`` where the system
        does not tell.
    """
    if _read(_PROC / 'smaps_rollup', 'Pss') is None:
        return None
    found, waiting = 0, [_PROC]
    while waiting:
        process = waiting.pop()
        found += _read(process / 'smaps_rollup', 'Pss') or 0
        for children in process.glob('task/*/children'):
            with suppress(OSError):  # a thread that has ended meanwhile
                waiting += [_PROC.parent / number for number in children.read_text().split()]
    return found


def free_memory(device: str = 'cpu') -> int | None:
    """Bytes that a new process could take; ``None`` where the system does not tell."""
    if device != 'cpu':
        return torch.cuda.mem_get_info(device)[0]
    return _read(Path('/proc/meminfo'), 'MemAvailable')


def _status(name: str) -> int | None:
    return _read(_PROC / 'status', name)


def _read(path: Path, name: str) -> int | None:
    """Read a line such as ``VmRSS:   1024 kB``; ``None`` where there is none, as of a process that has ended."""
    try:
        text = path.read_text()
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(':')
        if key == name:
            return int(value.split()[0]) * 1024
    return None
