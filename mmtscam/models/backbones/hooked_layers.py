"""Layers of a backbone that hooks are put on."""

from collections.abc import Sequence

from torch import nn


def find_layers(backbone: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Submodules by their names.

    Args:
        backbone: The module that has them.
        names: Their names, the argument ``layers`` of the caller.

    Returns:
        The submodules, in the order of the names.

    Raises:
        ValueError: If there is no name, or no such submodule.
    """
    if not names:
        raise ValueError('layers must name a submodule')
    found = []
    for name in names:
        try:
            found.append(backbone.get_submodule(name))
        except AttributeError as error:
            raise ValueError(f'layers: there is no {name!r}: {error}') from error
    return found
