"""Kinds of localization map."""

from typing import NamedTuple


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
