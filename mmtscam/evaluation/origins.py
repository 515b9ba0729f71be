"""Differences between the origins of results, maps and thresholds, in words.

:func:`~mmtscam.engine.run_origin.run_origin` says what an origin is.
"""

from collections.abc import Mapping
from typing import Any

from mmtscam.utils.printable import shown

_SHORT = 12


def other_checkpoints(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, str] | None:
    """Names and short hashes of two checkpoints, where their content differs.

    Args:
        first: An origin.
        second: Another one.

    Returns:
        The two in words; ``None`` where they are one, or one has no hash.
    """
    hashes = [origin.get('checkpoint_sha256') for origin in (first, second)]
    if not all(isinstance(each, str) for each in hashes) or hashes[0] == hashes[1]:
        return None
    one, other = (
        f'{shown(origin.get("checkpoint"))}, SHA-256 {shown(origin["checkpoint_sha256"][:_SHORT])}'
        for origin in (first, second)
    )
    return one, other


def other_views(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, str] | None:
    """Views of test-time augmentation, where two origins have different ones.

    Args:
        first: An origin. Without ``views`` there is one view of each image.
        second: Another one.

    Returns:
        The two in words; ``None`` where they are the same.
    """
    one, other = first.get('views'), second.get('views')
    return None if one == other else (_words(one), _words(other))


def _words(views: Any) -> str:
    if not isinstance(views, Mapping):
        return 'one view' if views is None else shown(views)
    return ', '.join(f'{name} {shown(value)}' for name, value in views.items())
