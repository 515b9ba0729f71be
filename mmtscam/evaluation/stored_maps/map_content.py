"""The facts and maps of an image in a file of maps, checked before anything is computed with it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmtscam.structures import MapKind, is_kind_name
from mmtscam.utils.printable import shown

_LARGEST = 1 << 31


def parse_kinds(kinds: Any) -> tuple[MapKind, ...]:
    """Kinds of map, each a dict of the attributes of :class:`MapKind`.

    Raises:
        ValueError: If they are none, or have names that no kind may have.
    """
    found = tuple(MapKind(**kind) for kind in kinds)
    names = [kind.name for kind in found]
    for kind in found:
        if not is_kind_name(kind.name):
            raise ValueError(f'{shown(kind.name)} cannot be the name of a kind of map')
        if not isinstance(kind.title, str) or not isinstance(kind.class_agnostic, bool) or names.count(kind.name) > 1:
            raise ValueError(f'the kind of map {shown(kind.name)} is not as it must be')
    return found


def facts_of(image: int, info: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an image, as a sample.

    Args:
        image: Its number.
        info: Content of its ``KEY.json``, see :mod:`.map_file`.

    Raises:
        ValueError: If a value is not as it must be.
        KeyError: If one is missing.
    """
    sides = info['ori_shape']
    if not (isinstance(sides, list) and len(sides) == 2 and all(_is_count(side) and side > 0 for side in sides)):
        raise ValueError(f'ori_shape must be the height and width of an image, got {shown(sides)}')
    sample: dict[str, Any] = dict(number=image, img_id=image, ori_shape=tuple(sides))
    for name, fits in _FACTS.items():
        if info.get(name) is not None:
            if not fits(info[name]):
                raise ValueError(f'{name} cannot be {shown(info[name])}')
            sample[name] = info[name]
    if info['gt_boxes'] is not None:
        boxes = np.array([_box(box) for box in info['gt_boxes']], np.float64).reshape(-1, 4)
        sample['gt_instances'] = dict(bboxes=boxes)
    return sample


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FACTS: dict[str, Callable[[Any], bool]] = dict(
    img_path=_is_text,
    image_id=_is_text,
    gt_label=_is_count,
    gt_rank=_is_count,
    pred_label=_is_count,
    set_name=_is_text,
)
# How boxes were drawn; maps of other code say nothing of it.
_DRAWN: dict[str, Callable[[Any], bool]] = dict(
    map_kind=_is_text,
    threshold=lambda value: isinstance(value, int | float) and 0 <= value < 1,
    threshold_rule=_is_text,
    protocol=_is_text,
)


def _box(box: Any) -> list[float]:
    if not (isinstance(box, list) and len(box) == 4 and all(isinstance(edge, int | float) for edge in box)):
        raise ValueError(f'a true box must be x1, y1, x2, y2, got {shown(box)}')
    return [float(edge) for edge in box]


def class_maps_of(drawn: Any, arrays: dict[str, np.ndarray], kinds: Sequence[MapKind]) -> dict[str, Any]:
    """The maps of an image, as a sample has them.

    Args:
        drawn: How boxes were drawn, see :mod:`.map_file`.
        arrays: Labels, scores and maps by name.
        kinds: The kinds of map that must be there.

    Raises:
        ValueError: If one is missing or has another shape.
    """
    labels = arrays.get('labels')
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in 'iu':
        raise ValueError('it has no labels' if labels is None else 'its labels are not a list of whole numbers')
    if not isinstance(drawn, dict):
        raise ValueError(f'it does not say how boxes were drawn, but {shown(drawn)}')
    for name, value in drawn.items():
        if name not in _DRAWN or not (value is None or _DRAWN[name](value)):
            raise ValueError(f'{name} of drawing cannot be {shown(value)}')
    if 'scores' in arrays and arrays['scores'].shape != labels.shape:
        raise ValueError(f'it has {arrays["scores"].shape} scores of {len(labels)} classes')
    for kind in kinds:
        if kind.name not in arrays:
            raise ValueError(f'it has no maps of the kind {kind.name!r}')
        maps = arrays[kind.name]
        if kind.class_agnostic:
            # One object for all classes: whoever draws maps need not draw it twice.
            maps = np.broadcast_to(maps, (len(labels), *maps.shape))
        if maps.ndim != 3 or len(maps) != len(labels) or not all(maps.shape[1:]):
            raise ValueError(f'its maps of the kind {kind.name!r} have the shape {arrays[kind.name].shape}')
        arrays[kind.name] = maps
    class_maps: dict[str, Any] = {**arrays, **drawn, 'map_kinds': tuple(kinds)}
    if drawn.get('map_kind') is not None:
        if drawn['map_kind'] not in {kind.name for kind in kinds}:
            raise ValueError(f'it has no maps of the kind {drawn["map_kind"]!r}, with which boxes were drawn')
        class_maps['maps'] = arrays[drawn['map_kind']]
    return class_maps
