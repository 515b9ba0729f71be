"""Accuracy over IoU levels, read back from reports."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_CURVE = 'accuracy_over_iou'


def load_iou_curves(path: str | os.PathLike, results: Sequence[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Read the curves of a report.

    Args:
        path: ``report.json`` of ``tools/test.py``, or its folder.
        results: Names of results in it; the first with a curve by default.

    Returns:
        Name of a result to its curve: columns ``iou``, ``gt_known`` and,
        where classes were scored, ``loc_top1``, ...

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no report or has no such curve.
    """
    path = Path(path)
    file = path / 'report.json' if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f'{file}: report not found; tools/test.py writes one, see its --report-dir')
    try:
        content: Any = json.loads(file.read_text(encoding='utf-8'))
        curves = {result['name']: result['curves'].get(_CURVE) for result in content['results']}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{file}: is no report.json of tools/test.py') from error
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        raise ValueError(f'{file}: has no accuracy over IoU levels: add LocAccuracy to test_evaluator')
    wanted = list(results or list(curves)[:1])
    if missing := [name for name in wanted if name not in curves]:
        raise ValueError(f'{file}: has no curve of {missing[0]!r}: choose from {", ".join(curves)}')
    for name in wanted:
        lengths = {len(column) for column in curves[name].values()}
        if 'iou' not in curves[name] or len(lengths) != 1:
            raise ValueError(f'{file}: the curve of {name!r} is not one of equally long columns with iou')
    return {name: curves[name] for name in wanted}
