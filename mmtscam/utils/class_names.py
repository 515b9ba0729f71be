"""Names of classes."""

import difflib
from collections.abc import Sequence
from itertools import zip_longest

from .arguments import is_whole


def class_name(label: int, classes: Sequence[str] | None) -> str:
    """Name of a class, or ``class N`` where it has none.

    Examples:
        >>> class_name(1, ['001.Owl', '002.Crow']), class_name(7, ())
        ('002.Crow', 'class 7')
    """
    return classes[label] if classes and label < len(classes) else f'class {label}'


def readable_class_name(label: int, classes: Sequence[str] | None) -> str:
    """Name of a class for people, with blanks for the underscores of a folder's name."""
    return class_name(label, classes).replace('_', ' ')


def find_class(name: str | int, classes: Sequence[str], count: int) -> int:
    """Index of a class.

    Args:
        name: Its name, in any case and with spaces or underscores, or its
            index.
        classes: Names of the classes; empty where they are unknown.
        count: Number of classes of the model.

    Raises:
        ValueError: If there is no such class; names the nearest.
    """
    if not isinstance(name, str) and not is_whole(name):
        raise ValueError(f'class {name!r}: give a name or an index, not a {type(name).__name__}')
    known: dict[str, list[int]] = {}
    for label, each in enumerate(classes[:count]):
        known.setdefault(_comparable(each), []).append(label)
    if isinstance(name, str) and _comparable(name) in known:
        labels = known[_comparable(name)]
        if len(labels) > 1:
            raise ValueError(f'class {name!r}: there are several, {", ".join(map(str, labels))}; give an index')
        return labels[0]
    if not isinstance(name, str) or name.strip().isdecimal():
        if not 0 <= int(name) < count:
            raise ValueError(f'class {name}: the model has the classes 0 to {count - 1}')
        return int(name)
    if not known:
        raise ValueError(f'class {name!r}: the names of the classes are not known; give an index from 0 to {count - 1}')
    wanted = _comparable(name)
    near = difflib.get_close_matches(wanted, known, cutoff=0.4)
    near += [each for each in known if wanted in each and each not in near]
    hint = f'; did you mean {" or ".join(classes[known[each][0]] for each in near[:3])}?' if near else ''
    raise ValueError(f'class {name!r}: not among the {count} classes of the model{hint}')


def check_same_classes(
    classes: Sequence[str] | None, others: Sequence[str] | None, source: str, other_source: str, exact: bool = True
) -> bool:
    """Refuse two lists of class names by which labels would not mean the same.

    Args:
        classes: Names by label; nothing where they are unknown.
        others: Those that must agree.
        source: Where ``classes`` come from, for the error.
        other_source: Where ``others`` come from.
        exact: Whether other names are refused too, and not only the same
            names in another order.

    Returns:
        Whether the lists are the same, as far as they are known.

    Raises:
        ValueError: If they do not agree; names the first label.
    """
    if not classes or not others or tuple(classes) == tuple(others):
        return True
    missing, added = (', '.join(sorted(set(a) - set(b))) for a, b in ((classes, others), (others, classes)))
    if not exact and (missing or added):
        return False
    pairs = zip_longest(classes, others)
    label, (one, other) = next((label, pair) for label, pair in enumerate(pairs) if pair[0] != pair[1])
    if None in (one, other):
        raise ValueError(
            f'{source} has {len(classes)} classes and {other_source} has {len(others)} (missing: {missing or "none"}; '
            f'new: {added or "none"}): labels would not mean the same; give both the same class folders or names'
        )
    raise ValueError(
        f'class {label} is {one!r} in {source} and {other!r} in {other_source} (missing: {missing or "none"}; new: '
        f'{added or "none"}): labels would not mean the same; give both the same class folders or names in the same '
        'order'
    )


def _comparable(name: str) -> str:
    return ' '.join(name.replace('_', ' ').casefold().split())
