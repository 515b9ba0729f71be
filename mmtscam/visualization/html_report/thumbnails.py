"""Small pictures of images and maps, drawn in several processes."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from mmtscam.utils.ahead import ahead
from mmtscam.utils.images import read_image
from mmtscam.visualization.drawing import color_map

_WAITING_PER_WORKER = 64
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 82, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
_MAP_SIDE = 128  # maps are smooth: the browser enlarges them


@dataclass(frozen=True)
class Job:
    """The pictures of one image.

    Args:
        index: Its place in the gallery.
        image: The image's file.
        target: File for its small picture.
        side: Longer side of the small picture, in pixels.
        size: ``(width, height)`` of the image, if known.
        upright: Whether the test turned the image as its EXIF orientation
            says; ``None`` where this is not known and ``size`` decides.
        maps: Pairs of a file and the ``(h, w)`` map to draw into it.
    """

    index: int
    image: Path
    target: Path
    side: int
    size: tuple[int, int] | None = None
    upright: bool | None = None
    maps: list[tuple[Path, np.ndarray]] = field(default_factory=list)


@dataclass(frozen=True)
class Drawn:
    """The outcome of a job.

    Args:
        index: The job's index.
        size: ``(width, height)`` of the image; ``None`` where it is neither
            known nor can be read.
        problem: Reason if there is no small picture.
    """

    index: int
    size: tuple[int, int] | None
    problem: str | None = None


def draw_all(jobs: Iterator[Job], workers: int) -> Iterator[Drawn]:
    """Draw pictures.

    Args:
        jobs: The jobs. Because they hold maps, each is taken only when its
            turn is near.
        workers: Number of processes; 0 for none but this one.

    Yields:
        The outcome of each job, in the order of the jobs.

    Raises:
        ChildProcessError: If a process was killed.
    """
    if not workers:
        yield from map(draw, jobs)
        return
    # Processes are forked, as data loaders' workers are: they start at once and touch no accelerator.
    with ProcessPoolExecutor(workers, get_context('fork'), _start_worker) as pool:
        try:
            for drawing in ahead((pool.submit(draw, job) for job in jobs), workers * _WAITING_PER_WORKER):
                yield drawing.result()
        except BrokenProcessPool as error:
            raise ChildProcessError('a process that draws pictures was killed: try fewer workers') from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(0)
    # A terminal sends Ctrl-C to all processes; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def draw(job: Job) -> Drawn:
    """Draw the pictures of one image."""
    image, problem = _read(job)
    size = job.size
    if image is not None:
        height, width = image.shape[:2]
        size = size or (width, height)
        scale = min(1.0, job.side / max(width, height))
        small = cv2.resize(image, _scaled((width, height), scale), interpolation=cv2.INTER_AREA) if scale < 1 else image
        _write(job.target, small)
    for target, score_map in job.maps:
        width, height = size or score_map.shape[::-1]
        colors = color_map(score_map, _scaled((width, height), _MAP_SIDE / max(width, height)))
        _write(target, colors[..., ::-1])
    return Drawn(job.index, size, problem)


def _read(job: Job) -> tuple[np.ndarray | None, str | None]:
    """The image in BGR as the test saw it, or why there is none."""
    try:
        image = read_image(str(job.image), bool(job.upright))
        if job.upright is None and job.size is not None and image.shape[1::-1] != job.size:
            image = read_image(str(job.image))
    except (ValueError, OSError) as error:
        return None, str(error)
    return cv2.cvtColor(image, cv2.COLOR_RGB2BGR), None


def _write(path: Path, picture: np.ndarray) -> None:
    path.write_bytes(cv2.imencode('.jpg', picture, _JPEG)[1].tobytes())


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
