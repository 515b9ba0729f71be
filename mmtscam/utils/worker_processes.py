"""Processes that do small tasks for the one that started them."""

import gc
import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

import cv2

Task = Callable[[], Any]


class TaskError(Exception):
    """A task failed.

    Attributes:
        place: The task's place, from 0.
        error: Its error.
    """

    def __init__(self, place: int, error: Exception) -> None:
        super().__init__(str(error))
        self.place = place
        self.error = error


class _Reply(NamedTuple):
    """A task's place, its result, and its error with the traceback."""

    place: int
    result: Any = None
    error: Exception | None = None
    trace: str = ''


class WorkerProcesses:
    """A few forked processes, between which tasks are shared out.

    They start with the first tasks and inherit what is loaded by then; they
    touch no accelerator. This process talks to them only within :meth:`run`
    and has no thread for it. A process that is forked between two calls, as by
    a data loader, therefore inherits nothing that is half done. They end with
    this process, whatever ends it.

    Args:
        count: Number of processes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._pipes: list[Connection] = []

    def run(self, tasks: Iterable[Task], step: int = 1) -> list[Any]:
        """Do tasks and wait for all of them.

        Args:
            tasks: Functions without arguments that can be pickled, such as a
                ``partial`` of a module's function. They are taken one by one
                while those before them are done already.
            step: Number of tasks that a process is given at once.

        Returns:
            Their results, in their order.

        Raises:
            TaskError: If a task fails: the first of those that do.
            ChildProcessError: If a process is gone.
            Exception: The error of taking a task, if none before it fails.
        """
        replies: list[_Reply] = []
        try:
            if not self._pipes:
                self._start()
            failure = self._exchange(enumerate(tasks), step, replies)
        except (EOFError, ConnectionError) as error:
            self.close()
            raise ChildProcessError(
                f'one of the {self.count} processes that share the work has ended, perhaps for lack of memory: '
                'have fewer (num_workers)'
            ) from error
        except BaseException:  # they are still at work
            self.close()
            raise
        replies.sort()
        for reply in replies:
            if reply.error:
                raise TaskError(reply.place, reply.error) from RuntimeError(reply.trace)
        if failure:
            raise failure
        return [reply.result for reply in replies]

    def _exchange(self, tasks: Iterator[tuple[int, Task]], step: int, replies: list[_Reply]) -> Exception | None:
        """Hand out tasks and collect replies until none is left or one fails; the error of taking one is returned."""
        idle: list[Connection] = list(self._pipes)
        busy: list[Connection] = []
        failure: Exception | None = None
        more = True
        while more or busy:
            while more and idle:
                part: list[tuple[int, Task]] = []
                try:
                    for task in islice(tasks, step):
                        part.append(task)  # those before one that cannot be taken are done
                except Exception as error:
                    failure = error
                more = len(part) == step and not failure
                if part:
                    busy.append(idle.pop())
                    busy[-1].send(part)
            ready: list[Any] = wait(busy) if busy else []
            for pipe in ready:
                found: list[_Reply] = pipe.recv()
                replies += found
                more = more and not any(reply.error for reply in found)
                busy.remove(pipe)
                idle.append(pipe)
        return failure

    def _start(self) -> None:
        context = multiprocessing.get_context('fork')  # at once, and without importing anything again
        for _ in range(self.count):
            ours, theirs = context.Pipe()
            self._pipes.append(ours)
            process = context.Process(target=_work, args=(theirs, list(self._pipes)), daemon=True)
            process.start()
            self._processes.append(process)
            theirs.close()

    def close(self) -> None:
        """End the processes, at once if they are at work; :meth:`run` starts others."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        self._pipes, self._processes = [], []


def _work(pipe: Connection, inherited: list[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one is interrupted too
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    gc.freeze()  # what is inherited, tensors of an accelerator among it, is not for this process to free
    # Else this process would keep the others from noticing the end of the one that started them.
    for other in inherited:
        other.close()
    while True:
        try:
            pipe.send([_attempt(place, task) for place, task in pipe.recv()])
        except (EOFError, ConnectionError):
            return


def _attempt(place: int, task: Task) -> _Reply:
    try:
        return _Reply(place, task())
    except Exception as error:
        trace = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = RuntimeError(f'{type(error).__name__}: {error}')
        return _Reply(place, error=error, trace=trace)
