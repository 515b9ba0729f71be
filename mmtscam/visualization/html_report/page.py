"""The data that the report's page shows."""

import json
import os.path as osp
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmtscam.evaluation.report_reader import Row, RunResult
from mmtscam.localization import Outcome
from mmtscam.structures import MapKind

from .maps import Truth
from .thumbnails import Drawn

ROW_COLUMNS = (
    'path', 'true', 'predicted', 'rank', 'box', 'iou', 'outcome', 'threshold', 'source', 'size', 'truth', 'pictured',
    'maps', 'predictedMaps',
)  # fmt: skip


def page_data(
    result: RunResult,
    rows: Sequence[Row],
    drawn: Sequence[Drawn],
    truths: Mapping[str, Truth],
    kinds: Sequence[MapKind],
    maps: Sequence[tuple[list[str], list[str]]],
) -> dict[str, Any]:
    """Everything that the page shows, for JSON.

    Args:
        result: The test's result.
        rows: The images of the gallery, all or some of the result's.
        drawn: Outcome of drawing the picture of each image.
        truths: Path of an image to the facts that a file of maps has of it.
        kinds: Kinds of map that are drawn.
        maps: For each row the kinds that have a map of its true class,
            and those of its predicted class.

    Returns:
        The data. Rows are lists in the order of ``columns``, because there
        may be many.
    """
    chosen = result.chosen
    # The level that outcomes use, where there are several.
    levels = chosen['protocol']['iou_levels']
    level = levels[0] if len(levels) == 1 else 0.5
    root = _common_folder([row.path for row in result.rows])
    return dict(
        mmtscam=result.report.get('mmtscam'),
        origin=result.report.get('origin') or {},
        results=result.report['results'],
        gallery=dict(
            name=chosen['name'],
            images=len(result.rows),
            level=level,
            root=root,
            classes={str(label): name for label, name in sorted(result.classes.items())},
            outcomes=[outcome.value for outcome in Outcome] if result.rows[0].outcome else [],
            table=class_table(result.rows, level),
            kinds=[
                dict(
                    name=kind.name,
                    title=kind.title,
                    agnostic=kind.class_agnostic,
                    scored=chosen['map_kind'] == kind.name,
                )
                for kind in kinds
            ],
            columns=ROW_COLUMNS,
            rows=[
                _as_list(row, len(root), picture, truths.get(row.path), *own)
                for row, picture, own in zip(rows, drawn, maps, strict=True)
            ],
        ),
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


def _as_list(
    row: Row, root: int, drawn: Drawn, truth: Truth | None, maps: Sequence[str], predicted_maps: Sequence[str]
) -> list[Any]:
    values = dict(
        path=row.path[root:],
        true=row.true,
        predicted=row.predicted,
        rank=row.rank,
        box=row.box,
        iou=row.iou,
        outcome=row.outcome.value if row.outcome else None,
        threshold=row.threshold,
        source=row.source,
        size=drawn.size,
        truth=truth.boxes if truth else [],
        pictured=drawn.problem is None,
        maps=maps,
        predictedMaps=predicted_maps,
    )
    return [values[column] for column in ROW_COLUMNS]


def _common_folder(paths: Sequence[str]) -> str:
    """The longest common beginning of all paths, up to a slash."""
    shared = osp.commonprefix(paths)  # noqa: RUF071 - it is cut at a slash
    return shared[: shared.rfind('/') + 1]
