"""Writing COCO files of boxes, one entry at a time."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from mmtscam.utils.files import unfinished


def coco_categories(classes: Sequence[str], first: int = 1) -> list[dict[str, Any]]:
    """Categories of classes: ids are labels, counted from ``first`` on."""
    return [dict(id=number, name=name) for number, name in enumerate(classes, first)]


def coco_annotation(
    number: int, image: int, label: int, box: Sequence[float], score: float | None, first: int = 1
) -> dict[str, Any]:
    """One box.

    Args:
        number: Id of the annotation.
        image: Id of its image.
        label: Index of its class.
        box: ``(x1, y1, x2, y2)`` in the image's pixels.
        score: Score of a predicted box; ``None`` for a true one.
        first: Id of the first class's category.

    Returns:
        The annotation, with edges rounded to a hundredth of a pixel.
    """
    x1, y1, x2, y2 = (round(edge, 2) for edge in box)
    width, height = round(x2 - x1, 2), round(y2 - y1, 2)
    annotation = dict(
        id=number,
        image_id=image,
        category_id=label + first,
        bbox=[x1, y1, width, height],
        area=round(width * height, 2),
        iscrowd=0,
    )
    return annotation if score is None else dict(annotation, score=score)


def write_coco(path: str | os.PathLike, **sections: dict[str, Any] | Iterable[dict[str, Any]]) -> None:
    """Write a COCO file, whole or not at all, one entry a line; only one entry is in memory at a time.

    Args:
        path: The file.
        **sections: Content by its key, in this order. A section that is not a
            dict is an iterable whose entries are taken one by one. An empty
            ``licenses``, without which some readers stop, comes first.
    """
    sections = dict(licenses=[], **sections)
    with unfinished(path) as temporary, temporary.open('w', encoding='utf-8') as file:
        start = '{\n'
        for key, content in sections.items():
            file.write(f'{start}{json.dumps(key)}: ')
            start = ',\n'
            if isinstance(content, dict):
                file.write(json.dumps(content))
                continue
            opening = '[\n'
            for entry in content:
                file.write(opening + json.dumps(entry))
                opening = ',\n'
            file.write('[]' if opening == '[\n' else '\n]')
        file.write('\n}\n')
