"""The config within a checkpoint, read as data: nothing in it is run, and nothing is imported that it names."""

import ast
import sys
from collections.abc import Iterator
from typing import Any

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry

import mmtscam.registry

# The packages whose parts a config names by a scope, and whose registered parts may be built.
_SCOPES = ('mmtscam', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet')


def plain_config(text: str) -> Config:
    """Read the text that mmengine writes of a config into a checkpoint.

    Args:
        text: Assignments of plain values, such as ``a = dict(b=[1, None])``.

    Returns:
        The config. Each ``type`` in it is registered by this package, by those
        of OpenMMLab, or by code that the user has imported.

    Raises:
        ValueError: If there is anything but plain values, or a part that is
            not registered, which mmengine would import by its name.
    """
    cfg = Config({name: _value(node) for name, node in _assignments(text)})
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    for module in [imports] if isinstance(imports, str) else imports:
        if str(module).partition('.')[0] not in _SCOPES and module not in sys.modules:
            raise ValueError(f'it asks for the module {module!r}: import it yourself, or name a config')
    settings = list(_flat(cfg.to_dict()))
    kinds = [value for key, value in settings if key == 'type' and isinstance(value, str)]
    names, parts = _registered({'mmtscam', cfg.get('default_scope'), *(kind.partition('.')[0] for kind in kinds)})
    for key, value in settings:
        if key in ('default_scope', '_scope_') and value not in (None, *_SCOPES):
            raise ValueError(f'it asks for the package {value!r}: name a config')
        if key == 'type' and not _is_registered(value, names, parts):
            raise ValueError(f'it has a part {value!r} that is not registered: import its module, or name a config')
    return cfg


def _assignments(text: str) -> Iterator[tuple[str, ast.expr]]:
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case _:
                raise ValueError(f'its line {statement.lineno} is no assignment of a plain value: name a config')


def _value(node: ast.expr) -> Any:
    """The value of a literal, in which ``dict(a=1)`` is one too."""
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords) if all(each.arg for each in keywords):
            return {str(each.arg): _value(each.value) for each in keywords}
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {ast.literal_eval(key): _value(value) for key, value in zip(keys, values, strict=True) if key}
        case ast.List(elts=parts):
            return [_value(part) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(_value(part) for part in parts)
    return ast.literal_eval(node)


def _flat(value: Any) -> Iterator[tuple[Any, Any]]:
    """All keys with their values, at all depths."""
    if isinstance(value, dict):
        yield from value.items()
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _flat(each)


def _registered(scopes: set[str | None]) -> tuple[set[str], set[int]]:
    """Names of all registered parts, and their ids; those of some packages are imported, where these are ours."""
    known = (*vars(mmengine.registry).values(), *vars(mmtscam.registry).values())
    waiting = [each for each in known if isinstance(each, Registry)]
    names, parts = set[str](), set[int]()
    for registry in waiting:
        if registry.scope in scopes.intersection(_SCOPES):
            registry.import_from_location()
        waiting += registry.children.values()
        names |= registry.module_dict.keys()
        parts |= set(map(id, registry.module_dict.values()))
    return names, parts


def _is_registered(kind: Any, names: set[str], parts: set[int]) -> bool:
    """Whether a part is found without an import: by its name, or in a module that is imported."""
    if not isinstance(kind, str):
        return False
    before, _, name = kind.rpartition('.')
    if before in ('', *_SCOPES):
        return name in names
    return id(getattr(sys.modules.get(before), name, None)) in parts
