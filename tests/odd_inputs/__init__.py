"""Bad and odd inputs of many kinds with the commands that read them, made from a seed.

Each module has a function ``cases``. ``runs`` runs them and judges how they end.
"""

from collections.abc import Iterator

from . import annotations, command_lines, configs, images, results, weights
from .case import Case, Ground


def all_cases(ground: Ground) -> Iterator[Case]:
    """The cases of every module; their files are written while they are made."""
    for module in (images, annotations, configs, weights, command_lines, results):
        yield from module.cases(ground)


__all__ = ['Case', 'Ground', 'all_cases']
