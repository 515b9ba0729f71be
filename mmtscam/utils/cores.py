"""The cores that a process may use."""

import multiprocessing
import os
import socket
import sys
from collections import Counter

from mmengine.dist import all_gather_object, get_rank


def core_share() -> int:
    """This process's share of the cores of its machine.

    Each core counts in equal parts for the processes of the run that may run
    on it. All processes of the run must call this function.

    Returns:
        The number of cores, at least 1; 1 where the system does not tell.
    """
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == 'linux' else []
    places = all_gather_object((socket.gethostname(), cores))
    users = Counter((host, core) for host, theirs in places for core in theirs)
    host, cores = places[get_rank()]
    return max(1, int(sum(1 / users[host, core] for core in cores) + 1e-9))


def idle_cores(taken: int) -> int:
    """Cores that are left of :func:`core_share`.

    Args:
        taken: Processes of this one that compute on their own, such as the
            workers of its data loader.

    Returns:
        The number of cores, at least 1, that of this process itself; 1 in a
        daemon, which cannot start processes.
    """
    left = max(1, core_share() - taken)
    return 1 if multiprocessing.current_process().daemon else left
