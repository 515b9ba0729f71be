"""Everything that is fuzzed: readers of annotations, of results, of weights and images, and of settings."""

from collections.abc import Iterator
from pathlib import Path

from .annotations import annotation_targets
from .results import result_targets
from .running import Target
from .settings import setting_targets
from .weights import weight_targets


def all_targets(folder: Path) -> Iterator[Target]:
    """All targets; files that are needed to make valid content go to the folder."""
    yield from annotation_targets()
    yield from result_targets(folder)
    yield from weight_targets()
    yield from setting_targets(folder)
