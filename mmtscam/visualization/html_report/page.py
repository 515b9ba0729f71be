"""The data that the report's page shows."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmtscam.evaluation.report_rows import Row
from mmtscam.localization import Outcome
from mmtscam.structures import MapKind

from .maps import Truth
from .runs import Run, common_folder, doubts, titles_of
from .thumbnails import Drawn

IMAGE_COLUMNS = ('path', 'true', 'size', 'truth', 'pictured')
ROW_COLUMNS = ('predicted', 'rank', 'box', 'iou', 'outcome', 'threshold', 'source', 'maps', 'predictedMaps')


@dataclass
class Shown:
    """The part of the gallery that a run has.

    Args:
        run: Place of the run among all.
        rows: The images of the gallery, the same in all runs.
        truths: Path of an image to the facts that the file of maps has of it.
        kinds: Kinds of map that are drawn.
        maps: For each row the kinds that have a map of its true class, and
            those of its predicted class.
    """

    run: int
    rows: list[Row]
    truths: Mapping[str, Truth]
    kinds: Sequence[MapKind]
    maps: list[tuple[list[str], list[str]]]


def page_data(runs: Sequence[Run], shown: Sequence[Shown], images: int, drawn: Sequence[Drawn]) -> dict[str, Any]:
    """Everything that the page shows, for JSON.

    Args:
        runs: The tests.
        shown: The gallery's part of each test that has rows.
        images: Number of images that these tests share, of which the gallery
            may show a part.
        drawn: Outcome of drawing the picture of each image.

    Returns:
        The data. Rows are lists in the order of ``columns``, because there
        may be many.
    """
    return dict(
        runs=[
            dict(
                name=run.name,
                title=title,
                mmtscam=run.result.report.get('mmtscam'),
                origin=run.result.report.get('origin') or {},
                results=run.result.report['results'],
                chosen=next(
                    (place for place, each in enumerate(run.result.report['results']) if each is run.result.chosen),
                    None,
                ),
            )
            for run, title in zip(runs, titles_of(runs), strict=True)
        ],
        doubts=doubts(runs),
        gallery=_gallery(runs, shown, images, drawn) if shown else None,
    )


def _gallery(runs: Sequence[Run], shown: Sequence[Shown], images: int, drawn: Sequence[Drawn]) -> dict[str, Any]:
    first = shown[0].rows
    root = common_folder([row.path for row in runs[shown[0].run].result.rows])
    names = {label: name for own in reversed(shown) for label, name in runs[own.run].result.classes.items()}
    return dict(
        images=images,
        root=root,
        classes={str(label): name for label, name in sorted(names.items())},
        columns=IMAGE_COLUMNS,
        rows=[
            [
                row.path[len(root) :],
                row.true,
                picture.size,
                next((own.truths[own.rows[index].path].boxes for own in shown if own.truths), []),
                picture.problem is None,
            ]
            for index, (row, picture) in enumerate(zip(first, drawn, strict=True))
        ],
        runs=[_part(runs[own.run], own) for own in shown],
    )


def _part(run: Run, own: Shown) -> dict[str, Any]:
    chosen = run.result.chosen
    assert chosen is not None
    # The level that outcomes use, where there are several.
    levels = chosen['protocol']['iou_levels']
    level = levels[0] if len(levels) == 1 else 0.5
    return dict(
        run=own.run,
        name=chosen['name'],
        images=len(run.result.rows),
        level=level,
        outcomes=[outcome.value for outcome in Outcome] if run.result.rows[0].outcome else [],
        table=class_table(run.result.rows, level),
        kinds=[
            dict(
                name=kind.name,
                title=kind.title,
                agnostic=kind.class_agnostic,
                scored=chosen['map_kind'] == kind.name,
            )
            for kind in own.kinds
        ],
        columns=ROW_COLUMNS,
        rows=[
            [
                row.predicted,
                row.rank,
                row.box,
                row.iou,
                row.outcome.value if row.outcome else None,
                row.threshold,
                row.source,
                *maps,
            ]
            for row, maps in zip(own.rows, own.maps, strict=True)
        ],
    )


def as_script(data: Mapping[str, Any]) -> str:
    """The data as a script: a page from the file system may load a script, but no JSON."""
    return f'window.MMTSCAM_REPORT = {json.dumps(data, allow_nan=False, separators=(",", ":"))};\n'


def class_table(rows: Sequence[Row], level: float) -> list[dict[str, Any]]:
    """Numbers and outcomes of the images of each class.

    Args:
        rows: All images.
        level: IoU from which a box counts as right for GT-known Loc.

    Returns:
        For each true class its label, number of images, number of each outcome,
        number of images that are right for GT-known Loc, mean IoU, and the class
        with which it is confused most often, with the number of times.
    """
    by_class: dict[int, list[Row]] = {}
    for row in rows:
        by_class.setdefault(row.true, []).append(row)
    table = []
    for label, own in sorted(by_class.items()):
        outcomes = Counter(row.outcome for row in own)
        wrong = Counter(row.predicted for row in own if row.predicted not in (None, label))
        taken = min(wrong.items(), key=lambda item: (-item[1], item[0])) if wrong else None
        table.append(
            dict(
                label=label,
                images=len(own),
                outcomes=[outcomes[outcome] for outcome in Outcome],
                known=sum(row.iou >= level for row in own),
                iou=round(sum(row.iou for row in own) / len(own), 4),
                taken=taken,
            )
        )
    return table
