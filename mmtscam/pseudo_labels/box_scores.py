"""Scores of the boxes in one COCO file against the true boxes in another."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmtscam.datasets.coco.reading import read_sections, stated_size
from mmtscam.utils.printable import shown

# Numbers that are larger, or not finite, would not fit into COCO's.
_LARGEST = 1e15


def score_boxes(boxes: str | os.PathLike, truth: str | os.PathLike, class_agnostic: bool = False) -> dict[str, float]:
    """Score predicted boxes against true ones.

    The two files are matched by the images' ``file_name`` and the categories'
    names. Images that ``boxes`` does not list count as without a box, and as
    ``not listed``. Crowds (``iscrowd``) are no true boxes, and what lies in
    them counts neither as right nor as wrong in ``AP``. COCO takes equal
    scores in the order of the images' ids in ``truth``, so ``AP`` of boxes
    without scores depends on it.

    Args:
        boxes: COCO file with boxes. Boxes without ``score`` count as certain.
        truth: COCO file with the true boxes.
        class_agnostic: Whether a box may be of any category.

    Returns:
        COCO's ``AP`` (IoU 50 to 95 %), ``AP50`` and ``AP75``, and ``CorLoc``,
        the share of images with a true box whose best box overlaps one by at
        least 50 %, all in percent; the numbers of ``images``, of those ``with
        a true box`` and of those ``not listed`` in ``boxes``. IoU is COCO's,
        which takes edges as real numbers.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no COCO file, lists two images or categories
            of one name, or has a box of a negative side; if only some of
            ``boxes`` have scores, ``truth`` has no box or has predicted ones,
            ``boxes`` has images or categories that ``truth`` lacks, or the two
            state different sizes of an image. A box with a side of 0 is none
            of these, as in COCO: it overlaps nothing.
    """
    found, known = _read(boxes), _read(truth)
    true = [each for each in known['annotations'] if not each.get('iscrowd')]
    if not true:
        crowds = ' (crowds do not count)' if known['annotations'] else ''
        raise ValueError(f'{truth}: has no boxes with which to compare{crowds}')
    if any('score' in each for each in known['annotations']):
        raise ValueError(f'{truth}: its boxes have scores and so are predicted; the true ones come second')
    _check_scores(found['annotations'], boxes)
    own, images = _by_name(found, 'images', boxes), _by_name(known, 'images', truth)
    numbers = {number: _look_up(images, name, 'image', boxes, truth) for name, number in own.items()}
    _check_sizes(found['images'], known['images'], numbers, boxes, truth)
    if class_agnostic:
        categories = dict.fromkeys((each['id'] for each in found['categories']), known['categories'][0]['id'])
    else:
        own, names = _by_name(found, 'categories', boxes), _by_name(known, 'categories', truth)
        categories = {number: _look_up(names, name, 'category', boxes, truth) for name, number in own.items()}
    detections = [
        dict(
            image_id=numbers[each['image_id']],
            category_id=categories[each['category_id']],
            bbox=each['bbox'],
            score=each.get('score', 1.0),
        )
        for each in found['annotations']
    ]
    counts = {
        'images': len(known['images']),
        'with a true box': len({each['image_id'] for each in true}),
        'not listed': len(known['images']) - len(numbers),
    }
    if not detections:
        return {**dict.fromkeys(('AP', 'AP50', 'AP75', 'CorLoc'), 0.0), **counts}
    with contextlib.redirect_stdout(io.StringIO()):  # COCO prints tables of its own
        reference = COCO()
        reference.dataset = dict(known, info={})
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(detections), 'bbox')
        evaluation.params.useCats = int(not class_agnostic)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    percent = dict(zip(('AP', 'AP50', 'AP75'), (100 * evaluation.stats[:3]).tolist(), strict=True))
    return {**percent, 'CorLoc': 100 * _correct_localization(detections, true), **counts}


def _correct_localization(detections: list[dict[str, Any]], true: list[dict[str, Any]]) -> float:
    best: dict[Any, dict[str, Any]] = {}
    for each in detections:
        if each['image_id'] not in best or each['score'] > best[each['image_id']]['score']:
            best[each['image_id']] = each
    truths: dict[Any, list] = {}
    for each in true:
        truths.setdefault(each['image_id'], []).append(each['bbox'])
    right = [
        bool(coco_mask.iou(np.array([best[image]['bbox']]), np.array(boxes, float), [0] * len(boxes)).max() >= 0.5)
        for image, boxes in truths.items()
        if image in best
    ]
    return sum(right) / len(truths)


def _read(path: str | os.PathLike) -> dict[str, Any]:
    """The parts of a COCO file that scoring needs, with ids from 1 on, in the same order: COCO's code sorts by them."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file')
    content = read_sections(path)
    images, categories = (
        {
            number: place
            for place, number in enumerate(sorted({each['id'] for each in content[section]}, key=_in_order), 1)
        }
        for section in ('images', 'categories')
    )
    annotations = []
    for index, entry in enumerate(content['annotations']):
        where, box = f'{path}: annotations[{index}]', entry.get('bbox')
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            raise ValueError(f'{where}: bbox must be x, y, width, height, got {shown(box)}')
        if min(box[2:]) < 0:
            raise ValueError(
                f'{where}: the box has a negative side, {shown(box)}: correct it to x, y, width, height; it may hold '
                'two corners'
            )
        numbers = {'iscrowd': 0, 'area': box[2] * box[3]}
        numbers.update({key: entry[key] for key in ('iscrowd', 'area', 'score') if key in entry})
        if wrong := [key for key, value in numbers.items() if not _is_number(value)]:
            raise ValueError(f'{where}: {wrong[0]} must be a number, got {shown(numbers[wrong[0]])}')
        if numbers['iscrowd'] not in (0, 1):
            raise ValueError(f'{where}: iscrowd must be 0 or 1, got {numbers["iscrowd"]}')
        if numbers['area'] < 0:
            raise ValueError(f'{where}: area must not be negative, got {numbers["area"]}: correct it or leave it out')
        ids = dict(id=index + 1, image_id=images[entry['image_id']], category_id=categories[entry['category_id']])
        annotations.append(dict(**ids, bbox=box, **numbers))
    return dict(
        images=[
            dict(id=images[entry['id']], file_name=entry['file_name'], size=stated_size(entry))
            for entry in content['images']
        ],
        categories=[dict(id=categories[entry['id']], name=entry['name']) for entry in content['categories']],
        annotations=annotations,
    )


def _check_sizes(
    found: list[dict[str, Any]],
    known: list[dict[str, Any]],
    numbers: dict[int, int],
    boxes: str | os.PathLike,
    truth: str | os.PathLike,
) -> None:
    """Refuse an image that the two files state at different sizes: its boxes could not be compared."""
    sizes = {each['id']: each['size'] for each in known}
    for each in found:
        own, other = each['size'], sizes[numbers[each['id']]]
        if own and other and own != other:
            advice = 'scale the boxes of one file and state one size in both'
            if own == other[::-1]:
                advice = 'one may hold the boxes of the image as its EXIF orientation turns it: bring both to one'
            raise ValueError(
                f'{boxes}: image {each["file_name"]!r} has {own[0]}x{own[1]} pixels there and {other[0]}x{other[1]} in '
                f'{truth}: {advice}'
            )


def _check_scores(annotations: list[dict[str, Any]], path: str | os.PathLike) -> None:
    """Refuse boxes of which some have scores: the others would count as certain, and come first."""
    bare = [index for index, each in enumerate(annotations) if 'score' not in each]
    if 0 < len(bare) < len(annotations):
        raise ValueError(
            f'{path}: annotations[{bare[0]}]: it has no score, unlike others ({len(bare)} of {len(annotations)} have '
            'none): give each box one, or none'
        )


def _by_name(content: dict[str, Any], section: str, path: str | os.PathLike) -> dict[str, int]:
    """Names of images or categories, by which the files are matched, and their ids."""
    ids: dict[str, int] = {}
    for index, entry in enumerate(content[section]):
        name = entry['file_name' if section == 'images' else 'name']
        if name in ids:
            advice = ' or use class_agnostic=True' if section == 'categories' else ''
            raise ValueError(
                f'{path}: {section}[{index}]: another one is called {name!r} too, and the files are matched by names: '
                f'join the two{"," * bool(advice)}{advice}'
            )
        ids[name] = entry['id']
    return ids


def _in_order(number: int | float | str) -> tuple[bool, int | float | str]:
    """Numbers before texts, which cannot be compared with them."""
    return isinstance(number, str), number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _LARGEST


def _look_up(ids: dict[str, Any], name: str, kind: str, boxes: str | os.PathLike, truth: str | os.PathLike) -> Any:
    if name not in ids:
        advice = (
            'both must be of the same data set, or use class_agnostic=True'
            if kind == 'category'
            else 'both must name the images of the same data set alike, as the files of pseudo_label.py and '
            'wsol_to_coco.py do'
        )
        raise ValueError(
            f'{boxes}: {kind} {name!r} is not among those of {truth}, such as {next(iter(ids))!r}; {advice}'
        )
    return ids[name]
