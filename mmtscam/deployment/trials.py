"""Trials of exported files in other runtimes, against the model's own outputs on the same images."""

import os
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from mmtscam.localization import Protocol, map_to_boxes
from mmtscam.utils.timing import in_turn, ratios

from .check import Runner, model_outputs, relative_difference
from .graph import ExportModel
from .runtimes import RUNTIMES, Job, runner_seconds

Progress = Callable[[Sequence[str], str], Iterable[str]]


class Trial(NamedTuple):
    """The outcome of a runtime.

    Attributes:
        loads: Whether it loads and runs the file.
        free_sizes: Whether a file that is loaded once takes all shapes;
            otherwise it was loaded anew for each.
        error: Largest difference from PyTorch, as a share of the largest
            value, over all outputs and images.
        equal_boxes: Number of images whose best class and its boxes are
            PyTorch's.
        boxes: Number of images, each size counted.
        time: Processor time relative to onnxruntime's, the median; one image
            of the first size.
        remark: The first message of an error.
    """

    loads: bool
    free_sizes: bool = False
    error: float = 0.0
    equal_boxes: int = 0
    boxes: int = 0
    time: float = 0.0
    remark: str = ''


def store_batches(
    model: ExportModel, batches: Iterable[np.ndarray], folder: str | os.PathLike, number: int, progress: Progress
) -> list[str]:
    """Keep images with the outputs of the model, for :func:`try_runtime`.

    Args:
        model: The model.
        batches: The images, the same as for :func:`model_outputs`.
        folder: An empty folder.
        number: Number of the batches.
        progress: Wraps what is gone through, with a title, as a progress bar
            does.

    Returns:
        The files, one a batch.
    """
    files = [os.path.join(folder, f'{index}.npz') for index in range(number)]
    for file, images in zip(progress(files, 'PyTorch'), batches, strict=True):
        outputs = [output.numpy() for output in model_outputs(model, images)]
        np.savez(file, images, *outputs)
    return files


def try_runtime(
    name: str, job: Job, files: Sequence[str], protocol: Protocol, rounds: int, progress: Progress
) -> Trial:
    """Try a runtime in a process of its own, because some end the process.

    Args:
        name: One of :data:`RUNTIMES`.
        job: The file to load, for any shape.
        files: Result of :func:`store_batches`. Time is measured on the first.
        protocol: Rules for drawing boxes.
        rounds: Number of times that it is timed, in turn with onnxruntime.
        progress: See :func:`store_batches`; it must be a function of a module.

    Returns:
        What came of it.
    """
    with ProcessPoolExecutor(1, get_context('spawn')) as pool, tempfile.TemporaryDirectory() as folder:
        try:
            wanted = job._replace(folder=folder)
            return pool.submit(_try_here, name, wanted, files, protocol, rounds, progress).result()
        except BrokenProcessPool:
            return Trial(False, remark='it ends the process')


def _try_here(name: str, job: Job, files: Sequence[str], protocol: Protocol, rounds: int, progress: Progress) -> Trial:
    import torch

    torch.set_num_threads(job.threads)
    remark = ''
    for free in (True, False):
        try:
            differences: list[float] = []
            equal: list[bool] = []
            time = 0.0
            for images, expected, run in _runs(name, job, progress(files, name), free):
                outputs = run(images)
                differences += map(relative_difference, expected, outputs)
                equal += map(_same, *(_drawn(each, protocol) for each in (expected, outputs)))
                time = time or _relative_time(run, job, images, rounds)
            return Trial(True, free, max(differences), sum(equal), len(equal), time, remark)
        except Exception as error:  # runtimes fail in any way
            remark = remark or ' '.join(f'{error}'.split()) or type(error).__name__
    return Trial(False, remark=remark)


def _runs(
    name: str, job: Job, files: Iterable[str], free: bool
) -> Iterator[tuple[np.ndarray, list[np.ndarray], Runner]]:
    """Images, the model's outputs and a function that runs the file, which is loaded once or for each shape."""
    run, loaded = None, None
    for file in files:
        with np.load(file) as stored:
            images, *expected = stored.values()
        shape = None if free else images.shape
        if run is None or shape != loaded:
            run, loaded = RUNTIMES[name].load(job._replace(shape=shape)), shape
        yield images, expected, run


def _drawn(outputs: Sequence[np.ndarray], protocol: Protocol) -> list[tuple[int, np.ndarray]]:
    """The best class of each image and the boxes of its map; none where a runtime's maps have another shape."""
    scores, maps = outputs[:2]
    labels = scores.argmax(1)
    if maps.ndim != 4 or not np.isfinite(maps).all():
        return [(-1, np.empty(0))] * len(scores)
    return [(int(label), map_to_boxes(each[label], protocol)) for label, each in zip(labels, maps, strict=True)]


def _same(one: tuple[int, np.ndarray], other: tuple[int, np.ndarray]) -> bool:
    return one[0] == other[0] and np.array_equal(one[1], other[1])


def time_of_pytorch(model: ExportModel, job: Job, file: str, rounds: int) -> float:
    """Time PyTorch as :func:`try_runtime` times a runtime."""
    with np.load(file) as stored:
        images = next(iter(stored.values()))
    return _relative_time(
        lambda images: [output.numpy() for output in model_outputs(model, images)], job, images, rounds
    )


def _relative_time(run: Runner, job: Job, images: np.ndarray, rounds: int) -> float:
    reference = RUNTIMES['onnxruntime'].load(job)
    ways = [partial(runner_seconds, each, images) for each in (run, reference)]
    in_turn(ways, 1)  # to warm up
    return statistics.median(ratios(*in_turn(ways, rounds)))
