"""Writing the folder of the report."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mmtscam.utils.files import check_writable, unfinished_folder
from mmtscam.utils.images import spread_evenly

from .maps import check_same_test, samples_of, shown_maps, survey
from .page import Shown, as_script, page_data
from .runs import Run, shared_rows
from .thumbnails import Drawn, Job, draw_all

_ASSETS = ('index.html', 'report.css', 'report.js')
_MARKS = {*_ASSETS, 'data.js'}
_OWN = {*_MARKS, 'images', 'maps'}
_PER_FOLDER = 1000
_LOOKED_UP = 100

Progress = Callable[[Iterable[Drawn], int], Iterable[Drawn]]


@dataclass(frozen=True)
class Written:
    """The outcome of writing.

    Args:
        index: The page to open.
        images: Number of images in the gallery.
        problems: Reasons why images have no picture, one line each.
    """

    index: Path
    images: int
    problems: list[str]


def write_html_report(
    runs: Sequence[Run],
    out: str | os.PathLike,
    image_root: str | os.PathLike | None = None,
    thumbnail_size: int = 320,
    workers: int = 0,
    max_images: int | None = None,
    progress: Progress = lambda drawn, total: drawn,
) -> Written:
    """Write results as a folder with a page that needs neither a server nor a network.

    Args:
        runs: The result of a test, or those of several, side by side.
        out: The folder; a report that is there is replaced at the end.
        image_root: Folder where the images are now.
        thumbnail_size: Longer side of the pictures of images, in pixels.
        workers: Number of processes that draw; 0 for none but this one.
        max_images: Largest number of images to show; they are evenly spread.
        progress: Wraps the images that are drawn, as a progress bar does.

    Returns:
        The page and the number of its images: those that all results with
        rows share. Without any rows the page has numbers and curves alone.

    Raises:
        OSError: If nothing can be written there.
        ValueError: If the inputs do not fit together, or the folder is no
            report.
        ChildProcessError: If a process was killed.
    """
    if thumbnail_size < 16 or workers < 0 or (max_images is not None and max_images < 1):
        raise ValueError('thumbnail_size must be at least 16, workers at least 0, max_images at least 1')
    if not runs:
        raise ValueError('a report needs one result at least')
    out = Path(out)
    check_replaceable(out)
    if bare := [run.maps.path for run in runs if run.maps and not run.result.rows]:
        raise ValueError(
            f'{bare[0]}: the result has no rows of images to show maps of: leave maps out, or test with LocAccuracy'
        )
    for run in runs:
        if run.maps:
            check_same_test(run.result, run.maps)
    places = [place for place, run in enumerate(runs) if run.result.rows]
    tables = shared_rows([runs[place] for place in places]) if places else []
    shared = len(tables[0]) if tables else 0
    shown = []
    for place, table in zip(places, tables, strict=True):
        rows, maps = spread_evenly(table, max_images), runs[place].maps
        truths, kinds = (survey(maps, rows), maps.map_kinds) if maps else ({}, ())
        shown.append(Shown(place, rows, truths, kinds, [([], []) for _ in rows]))
    images = _moved([row.path for row in shown[0].rows], image_root) if shown else []
    with unfinished_folder(out) as folder:
        jobs = _jobs(folder, runs, shown, images, thumbnail_size)
        drawn = list(progress(draw_all(jobs, workers), len(images)))
        (folder / 'data.js').write_text(as_script(page_data(runs, shown, shared, drawn)), encoding='utf-8')
        for name in _ASSETS:
            (folder / name).write_bytes((files(__package__) / 'assets' / name).read_bytes())
    return Written(out / 'index.html', len(images), [one.problem for one in drawn if one.problem])


def check_replaceable(out: Path) -> None:
    """Refuse to replace a folder or file that is no report.

    Raises:
        OSError: If nothing can be written there.
        ValueError: If it is no report.
    """
    check_writable(out, is_folder=True)
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    # A folder with ``images`` alone may hold somebody's images.
    if found and not (_MARKS <= found <= _OWN):
        odd = min(found - _OWN, default=min(found))
        raise ValueError(f'{out}: is no report, for there is {odd!r} in it; name another folder, or remove it')


def picture_name(index: int) -> str:
    """Path of an image's picture within ``images/``, and of its maps within ``maps/RUN/KIND/``."""
    return f'{index // _PER_FOLDER:03d}/{index:06d}'


def _moved(paths: Sequence[str], root: str | os.PathLike | None) -> list[Path]:
    """Paths of the images, under another folder where one is given.

    The same number of leading folders is left out of every path: the number
    with which most images are found. Another image of the same name is
    therefore not taken for one that is missing.
    """
    if root is None:
        return [Path(path) for path in paths]
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f'{root}: no such folder; image_root is where the images are')
    some = spread_evenly(paths, _LOOKED_UP)
    found = {
        dropped: sum(_below(root, path, dropped).is_file() for path in some)
        for dropped in range(max(len(_parts(path)) for path in some))
    }
    best = max(found, key=lambda dropped: (found[dropped], -dropped))
    if not found[best]:
        raise ValueError(f'{root}: none of the images is there, as {paths[0]}; image_root is where they are')
    return [_below(root, path, best) for path in paths]


def _below(root: Path, path: str, dropped: int) -> Path:
    parts = _parts(path)
    return root.joinpath(*parts[min(dropped, len(parts) - 1) :])


def _parts(path: str) -> list[str]:
    parts = Path(path).parts
    return list(parts[1:] if Path(path).is_absolute() else parts)


def _jobs(
    folder: Path, runs: Sequence[Run], shown: Sequence[Shown], images: Sequence[Path], side: int
) -> Iterator[Job]:
    """The jobs, in the order of the rows; the names of the kinds that an image has go to ``shown``."""
    samples = {own.run: samples_of(maps, own.rows) for own in shown if (maps := runs[own.run].maps)}
    for index, image in enumerate(images):
        sizes = [own.truths[own.rows[index].path].size for own in shown if own.truths]
        job = Job(
            index=index,
            image=image,
            target=_made(folder / 'images' / f'{picture_name(index)}.jpg'),
            side=side,
            size=sizes[0] if sizes else None,
            upright=(runs[shown[0].run].result.report.get('origin') or {}).get('upright'),
        )
        for own in shown:
            if own.run not in samples:
                continue
            for kind, of_predicted, score_map in shown_maps(next(samples[own.run]), own.rows[index], own.kinds):
                own.maps[index][of_predicted].append(kind.name)
                ending = '-predicted.jpg' if of_predicted else '.jpg'
                place = folder / 'maps' / str(own.run) / kind.name / (picture_name(index) + ending)
                job.maps.append((_made(place), score_map))
        yield job


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
