"""Processes that each run one task on request, and report its time and memory."""

import contextlib
import multiprocessing
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

from mmtscam.utils.environment import environment_variable

from .memory import memory_in_use, peak_memory, reset_peak_memory

Task = Callable[[], Any]


class WorkerError(ChildProcessError):
    """A worker failed or died; the message says which and why."""


class Run(NamedTuple):
    """One run of a task.

    Attributes:
        seconds: Wall-clock time, with everything done on the device.
        result: The task's return value.
    """

    seconds: float
    result: Any


class Memory(NamedTuple):
    """Memory of a worker in bytes, each ``None`` where the system does not tell.

    Attributes:
        own: Memory in use before the first run: libraries, model and data on
            a CPU, the model alone on a GPU.
        peak: Most memory in use since then.
    """

    own: int | None
    peak: int | None

    @property
    def above(self) -> int | None:
        """Memory that the runs took beyond that in use before."""
        return None if self.own is None or self.peak is None else self.peak - self.own


class Worker:
    """A task in a process of its own.

    The process starts with a new interpreter, so that settings of the memory
    allocator and the peak of memory are its own. It ends with the parent. Use
    it through :func:`start_workers`.

    Args:
        name: Name of the worker in messages.
        build: Makes the task in the process. It must be possible to pickle
            it, but not the task.
        device: Where the task computes.
    """

    def __init__(self, name: str, build: Callable[[], Task], device: str = 'cpu') -> None:
        self.name = name
        context = multiprocessing.get_context('spawn')
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, build, device), daemon=True)
        # mmengine uses mixed precision on a GPU alone if the new process sees one.
        hidden = environment_variable('CUDA_VISIBLE_DEVICES', '') if device == 'cpu' else contextlib.nullcontext()
        with hidden:
            self._process.start()
        theirs.close()  # so that the end of the process is noticed here

    def wait(self) -> None:
        """Wait until the task is built.

        Raises:
            WorkerError: If it cannot be built.
        """
        self._answer()

    def run(self) -> Run:
        """Run the task twice, and time the second run.

        Raises:
            WorkerError: If it fails or the process dies.
        """
        return Run(*self._ask('run'))

    def memory(self) -> Memory:
        """Memory so far.

        Raises:
            WorkerError: If the process has died.
        """
        return Memory(*self._ask('memory'))

    def close(self) -> None:
        """End the process, even while it is busy."""
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def _ask(self, request: str) -> Any:
        # A broken pipe is explained where the answer is found missing.
        with contextlib.suppress(ConnectionError):
            self._connection.send(request)
        return self._answer()

    def _answer(self) -> Any:
        try:
            failed, answer = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise WorkerError(f'{self.name}: {_cause_of_death(self._process.exitcode)}') from None
        if failed:
            raise WorkerError(f'{self.name}: {answer}')
        return answer


@contextlib.contextmanager
def start_workers(
    builds: Sequence[tuple[str, Callable[[], Task]]],
    device: str = 'cpu',
    on_built: Callable[[str], Any] = lambda name: None,
) -> Iterator[list[Worker]]:
    """Start workers side by side, and end them at the end or on any error.

    Args:
        builds: Name and maker of each task, see :class:`Worker`.
        device: Where the tasks compute.
        on_built: Called with the name of each worker whose task is built.

    Yields:
        The workers, whose tasks are built.

    Raises:
        WorkerError: If a task cannot be built.
    """
    with contextlib.ExitStack() as stack:
        workers = []
        for name, build in builds:
            worker = Worker(name, build, device)
            stack.callback(worker.close)
            workers.append(worker)
        for worker in workers:
            worker.wait()
            on_built(worker.name)
        yield workers


def _cause_of_death(code: int | None) -> str:
    if code == -9:  # SIGKILL, which Windows does not name
        return (
            'its process was killed, most likely because memory ran out: choose a smaller batch or input size, or '
            'fewer ways'
        )
    return f'its process ended unexpectedly with exit code {code}'


def _serve(connection: Connection, build: Callable[[], Task], device: str) -> None:
    """Serve as the worker's process: build the task, then run it on request, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    warnings.simplefilter('ignore')
    try:
        task = build()
        own = memory_in_use(device)
        reset_peak_memory(device)
        connection.send((False, None))
        while True:
            if connection.recv() == 'memory':
                connection.send((False, (own, peak_memory(device))))
                continue
            task()  # after a wait for its turn the process finds caches cold and pages taken away
            _synchronize(device)
            start = time.perf_counter()
            result = task()
            _synchronize(device)
            connection.send((False, (time.perf_counter() - start, result)))
    except Exception as error:  # the parent may also be gone and read nothing
        with contextlib.suppress(ConnectionError):
            connection.send((True, _explain(error)))


def _synchronize(device: str) -> None:
    if device != 'cpu':
        torch.cuda.synchronize(device)


def _explain(error: Exception) -> str:
    """The error in one line, with the place where it arose unless the message was meant for users."""
    if isinstance(error, ValueError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f'{type(error).__name__}: {error} ({place.filename}:{place.lineno})'
