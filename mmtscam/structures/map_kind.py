"""Kinds of localization map."""

from typing import Any, NamedTuple

# Names of other fields in a sample's ``class_maps``, in files of maps and beside the maps in ``predict`` of a head.
RESERVED_NAMES = (
    'labels', 'maps', 'scores', 'mask', 'threshold', 'threshold_rule', 'protocol', 'map_kind', 'map_kinds', 'images',
    'predicted', 'truth', 'min_area', 'views', 'crops', 'zoom',
)  # fmt: skip


class MapKind(NamedTuple):
    """A kind of localization map that a head makes.

    Attributes:
        name: Its name in samples, files, configs and on the command line: a
            word of letters, digits and underscores.
        title: Its name for readers, in pictures and pages.
        class_agnostic: Whether one map serves all classes.
    """

    name: str
    title: str
    class_agnostic: bool = False


def is_kind_name(name: Any) -> bool:
    """Whether a kind of map may have a name, which also names files and folders.

    Args:
        name: Any value.

    Returns:
        Whether it is a word of letters, digits and underscores, shorter than
        the name of a file may be, and none of :data:`RESERVED_NAMES`.
    """
    return isinstance(name, str) and name.isidentifier() and len(name) <= 50 and name not in RESERVED_NAMES
