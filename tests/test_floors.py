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
    """Every module by its name; ``.mim`` holds links to other folders."""
    paths = (path for path in package.rglob('*.py') if '.mim' not in path.parts)
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
    """The imports of all modules; ``from a import b`` names the module ``a.b`` where there is one."""
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
                targets = [name if name in modules or base == 'mmcv' else base for name in full]
            found += [Import(source, node.lineno, target, at_import) for target in dict.fromkeys(targets)]
    return found


def room_of(module: str) -> str | None:
    """The part of a package in which a module lies; None for the package itself."""
    return next(iter(module.split('.')[1:]), None)


def is_own(item: Import) -> bool:
    return item.source.split('.')[0] == item.target.split('.')[0]


def upward(imports: list[Import]) -> list[str]:
    """Imports that run upwards, or between rooms that stand apart."""
    found = []
    for item in filter(is_own, imports):
        source, target = room_of(item.source), room_of(item.target)
        if source is None or target is None or source == target:
            continue
        if FLOOR[target] > FLOOR[source] or {source, target} <= APART:
            found.append(str(item))
    return found


def foreign(imports: list[Import], room: str) -> list[str]:
    """The imports of a room besides itself, numpy, OpenCV, PyTorch and the standard library."""
    allowed = {'numpy', 'cv2', 'torch', *sys.stdlib_module_names}
    return [
        str(item)
        for item in imports
        if room_of(item.source) == room
        and not (room_of(item.target) == room if is_own(item) else item.target.split('.')[0] in allowed)
    ]


def compiled(imports: list[Import]) -> list[str]:
    """Imports of mmcv's compiled operators as a module is imported."""
    return [str(item) for item in imports if item.at_import and item.target.split('.')[:2] == ['mmcv', 'ops']]


def circle(imports: list[Import]) -> list[str]:
    """A circle among modules that import each other as they are imported; empty where there is none."""
    graph: dict[str, set[str]] = {}
    for item in imports:
        if item.at_import and is_own(item):
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
    rooms = {room_of(name) for name in modules_of(PACKAGE)} - {None}
    assert rooms <= FLOOR.keys()


def test_no_import_runs_upwards(imports):
    assert upward(imports) == []


def test_no_circle(imports):
    assert circle(imports) == []


def test_localization_stands_alone(imports):
    assert foreign(imports, 'localization') == []


def test_no_compiled_operators_at_import(imports):
    assert compiled(imports) == []


def test_a_breach_is_noticed(tmp_path):
    """A small package with an import of every kind that is not allowed, and of those that are."""
    package = tmp_path / 'house'
    files = {
        'localization/boxes.py': 'import scipy.ndimage\nfrom ..models.heads import Head',
        'models/__init__.py': 'from .heads import Head',
        'models/heads.py': 'def build():\n    from mmcv.ops import nms\n    from house.datasets import coco',
        'datasets/coco.py': 'from mmcv import ops\nfrom . import reading',
        'datasets/reading.py': 'from house.datasets.coco import write',
        'engine/runner.py': (
            'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.apis import loading\n'
            'from house.models import Head\nfrom . import hooks'
        ),
        'engine/hooks.py': 'class Hook:\n    def run(self):\n        from .runner import build',
        'apis/loading.py': 'from house.engine.runner import build',
        '.mim/tools/train.py': 'import house.apis.loading',
    }
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    imports = imports_of(package)
    assert sorted(upward(imports)) == [
        'house.engine.runner:3 imports house.apis.loading',
        'house.localization.boxes:2 imports house.models.heads',
        'house.models.heads:3 imports house.datasets.coco',
    ]
    assert foreign(imports, 'localization') == [
        'house.localization.boxes:1 imports scipy.ndimage',
        'house.localization.boxes:2 imports house.models.heads',
    ]
    assert compiled(imports) == ['house.datasets.coco:1 imports mmcv.ops']
    # Neither engine, where one import waits for a call, nor a package and its parts.
    assert set(circle(imports)) == {'house.datasets.coco', 'house.datasets.reading'}
