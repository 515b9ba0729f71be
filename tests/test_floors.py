"""The package's floors: what stands above may import what stands below, never the other way."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmtscam'
FLOORS = (
    {'registry', 'utils', 'version', 'requirements', 'collect_env'},
    {'structures', 'localization'},
    {'models', 'evaluation', 'datasets'},
    {'visualization', 'engine'},
    {'apis', 'pseudo_labels', 'deployment', 'speed'},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}
# They meet in the sample.
APART = {'models', 'evaluation', 'datasets'}


class Import(NamedTuple):
    """One import: where it stands, which module it names, and whether the module's own import runs it."""

    source: str
    line: int
    target: str
    at_import: bool

    def __str__(self) -> str:
        return f'{self.source}:{self.line} imports {self.target}'


def name_of(path: Path, package: Path) -> str:
    parts = [package.name, *path.relative_to(package).with_suffix('').parts]
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def modules_of(package: Path) -> dict[str, Path]:
    """Every module by its name; folders that begin with a point hold none."""
    paths = (path for path in package.rglob('*.py') if not any(part.startswith('.') for part in path.parts))
    return {name_of(path, package): path for path in paths}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).split('.')[-1] == 'TYPE_CHECKING'


def statements(node: ast.AST, at_import: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The imports below a node, each with whether it runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_import
        elif is_type_checking(child):
            for part, runs in ((child.body, False), (child.orelse, at_import)):
                yield from statements(ast.Module(part, []), runs)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from statements(child, at_import and not function)


def imports_of(package: Path) -> list[Import]:
    """What all modules import; ``from a import b`` names the module ``a.b`` where there is one."""
    modules = modules_of(package)
    found = []
    for source, path in modules.items():
        parent = source.split('.') if path.name == '__init__.py' else source.split('.')[:-1]
        for node, at_import in statements(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            else:
                above = parent[: len(parent) - node.level + 1] if node.level else []
                base = '.'.join([*above, *([node.module] if node.module else [])])
                full = [f'{base}.{alias.name}' for alias in node.names]
                targets = [
                    name if name in modules or '.'.join(name.split('.')[:2]) == 'mmcv.ops' else base for name in full
                ]
            found += [Import(source, node.lineno, target, at_import) for target in dict.fromkeys(targets)]
    return found


def room_of(module: str, package: str) -> str | None:
    """The part of the package in which a module lies; None for the package itself and what is outside."""
    top, *rest = module.split('.')
    return rest[0] if top == package and rest else None


def upward(imports: list[Import], package: str) -> list[str]:
    """Imports that run upwards, or between rooms that stand apart."""
    found = []
    for item in imports:
        source, target = room_of(item.source, package), room_of(item.target, package)
        if source is None or target is None or source == target:
            continue
        if FLOOR[target] > FLOOR[source] or {source, target} <= APART:
            found.append(str(item))
    return found


def circle(imports: list[Import], package: str) -> list[str]:
    """A circle among modules that import each other as they are imported; empty where there is none."""
    graph: dict[str, set[str]] = {}
    for item in imports:
        if item.at_import and item.target.split('.')[0] == package:
            graph.setdefault(item.source, set()).add(item.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.fixture(scope='module')
def imports() -> list[Import]:
    return imports_of(PACKAGE)


def test_every_room_has_a_floor():
    rooms = {room_of(name, 'mmtscam') for name in modules_of(PACKAGE)} - {None}
    assert rooms <= FLOOR.keys()


def test_no_import_runs_upwards(imports):
    assert upward(imports, 'mmtscam') == []


def test_no_circle(imports):
    assert circle(imports, 'mmtscam') == []


def test_localization_stands_alone(imports):
    allowed = {'numpy', 'cv2', 'torch', *sys.stdlib_module_names}
    strange = [
        str(item)
        for item in imports
        if room_of(item.source, 'mmtscam') == 'localization'
        and item.target.split('.')[0] not in allowed
        and room_of(item.target, 'mmtscam') != 'localization'
    ]
    assert strange == []


def test_no_compiled_operators_at_import(imports):
    found = [str(item) for item in imports if item.at_import and item.target.split('.')[:2] == ['mmcv', 'ops']]
    assert found == []
