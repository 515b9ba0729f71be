"""Checks of what a head declares and returns, in the words of whoever writes one."""

from abc import ABCMeta
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from torch import Tensor

from mmtscam.structures import RESERVED_NAMES, MapKind, is_kind_name


class HeadMeta(ABCMeta):
    """The type of the heads, which notices a constructor that leaves out that of its base."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a head.

        Raises:
            ValueError: If its ``__init__`` does not call that of
                :class:`~mmtscam.models.BaseLocHead`, or too late.
        """
        try:
            head = super().__call__(*args, **kwargs)
            complete = 'settings' in vars(head)
        except AttributeError as error:  # PyTorch's, for parts of a module that is none yet
            if 'before Module.__init__() call' not in str(error):
                raise
            complete = False
        if not complete:
            raise ValueError(f'{cls.__name__}.__init__ must call super().__init__(num_classes, ...) before all else')
        return head


def check_kinds(owner: str, kinds: Any) -> None:
    """Refuse a head that declares no kinds of map, or kinds with unusable or equal names.

    Args:
        owner: Name of the head's class.
        kinds: Its ``map_kinds``.

    Raises:
        ValueError: If it is so.
    """
    listed = isinstance(kinds, list | tuple) and not isinstance(kinds, MapKind)  # which is a tuple of texts itself
    if not listed or not kinds or not all(isinstance(kind, MapKind) for kind in kinds):
        got = f', got {kinds!r}' if kinds or not listed else ''
        raise ValueError(f"{owner} must declare its kinds of map: map_kinds = (MapKind('name', 'title'), ...){got}")
    names = [kind.name for kind in kinds]
    if odd := [name for name in names if not is_kind_name(name) or names.count(name) > 1]:
        raise ValueError(
            f'{owner}.map_kinds: {odd[0]!r} must be a word of its own that is none of {", ".join(RESERVED_NAMES)}'
        )
    if untitled := [kind for kind in kinds if not isinstance(kind.title, str)]:
        raise ValueError(f'{owner}.map_kinds: the title of {untitled[0].name!r} must be text, got {untitled[0].title}')
    # A field of this name would hide the method in every sample.
    if odd := [name for name in names if hasattr(InstanceData, name)]:
        raise ValueError(f'{owner}.map_kinds: {odd[0]!r} is a method of InstanceData, which holds the maps: rename it')


def check_logits(owner: str, logits: Any, num_classes: int, images: int | None = None) -> Tensor:
    """Return what ``logits`` of a head gave.

    Args:
        owner: Name of the head's class.
        logits: Result of its ``logits``.
        num_classes: Number of its classes C.
        images: Number of images B; ``None`` where rows may be more.

    Returns:
        ``(B, C)`` tensor.

    Raises:
        ValueError: If it is none of this shape.
    """
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else None
    if shape is None or len(shape) != 2 or shape[1] != num_classes or images not in (None, shape[0]):
        rows = 'B' if images is None else images
        raise ValueError(
            f'{owner}.logits must give ({rows}, {num_classes}), a column for each of num_classes={num_classes}, got '
            f'{type(logits).__name__ if shape is None else shape}'
        )
    return logits


def check_maps(owner: str, maps: Any, kinds: Sequence[MapKind], labels: Tensor | None) -> None:
    """Refuse maps other than the declared ones.

    Args:
        owner: Name of the code that made the maps, for messages.
        maps: Name of a kind to its maps, see ``BaseLocHead.maps``.
        kinds: The declared kinds.
        labels: ``(B, k)`` classes that were asked for; ``None`` where shapes
            are not to be checked.

    Raises:
        ValueError: If names or shapes differ, or a map has one position.
    """
    if not isinstance(maps, Mapping):
        raise ValueError(f'{owner} must give a dict of the name of each kind to its maps, got {type(maps).__name__}')
    declared = [kind.name for kind in kinds]
    if differing := sorted(map(str, set(declared) ^ set(maps))):
        raise ValueError(
            f'{owner} gives {", ".join(map(str, maps)) or "nothing"}, but map_kinds declares {", ".join(declared)}'
            f': {differing[0]!r} is in one alone'
        )
    if odd := [name for name in declared if not isinstance(maps[name], Tensor)]:
        raise ValueError(f'{owner}: {odd[0]!r} must be a tensor, got {type(maps[odd[0]]).__name__}')
    if labels is None:
        return
    for kind in kinds:
        given = tuple(maps[kind.name].shape)
        leading = tuple(labels.shape[:1]) if kind.class_agnostic else tuple(labels.shape)
        if len(given) != len(leading) + 2 or given[: len(leading)] != leading:
            wanted = ', '.join(map(str, leading))
            what = 'class-agnostic map' if kind.class_agnostic else 'map a class'
            raise ValueError(f'{owner}: {kind.name!r} is a {what} and must be ({wanted}, h, w), got {given}')
        if given[-2] * given[-1] < 2:
            raise ValueError(
                f'{owner}: a map of {given[-2]}x{given[-1]} positions cannot tell where anything is: give the '
                'backbone larger images (scale of Resize in the pipeline)'
            )


def check_finite(owner: str, maps: Tensor, name: str, images: Sequence[str]) -> None:
    """Refuse maps that hold NaN or infinity, from which a box would be drawn without any meaning.

    Args:
        owner: Name of the code that made the maps, for messages.
        maps: ``(B, ...)`` ``float32`` maps of a batch, on the CPU.
        name: Name of their kind.
        images: Name of each image.

    Raises:
        ValueError: If there are some; names the first image.
    """
    values = maps.numpy()
    # NaN is both the least and the largest.
    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        first = int(finite.argmin())
        raise ValueError(
            f'{images[first]}: {owner}: {name!r} holds NaN or infinity: the model has diverged, or the head divides '
            'by 0 or takes a logarithm of it'
        )
