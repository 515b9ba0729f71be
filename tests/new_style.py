"""Writes configs in mmengine's new style, in which a ``type`` is a class."""

from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from mmtscam import registry

_REGISTRIES = [each for each in vars(registry).values() if isinstance(each, Registry)]


def new_style(cfg: Config) -> str:
    """The text of a config with the class itself wherever a ``type`` names a registered one."""
    imports: set[str] = set()
    lines = [f'{key} = {_text(value, imports)}' for key, value in cfg.to_dict().items()]
    return '\n'.join([*sorted(imports), *lines, ''])


def _text(value: Any, imports: set[str]) -> str:
    if isinstance(value, dict):
        kind = _kind(value.get('type'), imports)
        parts = {key: _text(each, imports) for key, each in value.items()} | (dict(type=kind) if kind else {})
        return '{' + ', '.join(f'{key!r}: {part}' for key, part in parts.items()) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(_text(each, imports) for each in value) + ']'
    return repr(value)


def _kind(name: Any, imports: set[str]) -> str | None:
    """The name of the class that is registered under a name; ``None`` where there is none."""
    found = next(filter(None, (each.get(name) for each in _REGISTRIES)), None) if isinstance(name, str) else None
    if found is None:
        return None
    imports.add(f'from {found.__module__} import {found.__name__}')
    return found.__name__
