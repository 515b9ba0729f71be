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
        ValueError: If this is no list of names, or there is no such submodule.
    """
    if not names or isinstance(names, str):
        raise ValueError(f'layers must be a list of names of submodules, got {names!r}')
    found = []
    for name in names:
        try:
            found.append(backbone.get_submodule(name))
        except AttributeError as error:
            raise ValueError(f'layers: there is no {name!r}: {error}') from error
    return found
