"""The package as a library of its own: in a fresh interpreter that refuses whatever it may not need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mmtscam import localization

FOLDER = Path(localization.__file__).parent
OPENMMLAB = ('mmengine', 'mmcv', 'mmdet', 'mmpretrain')
REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {refused!r}:
            raise ImportError(f'{{name}} was asked for')

sys.meta_path.insert(0, Refuse())
"""


def _run(refused, code):
    """Run code where some modules cannot be imported."""
    command = [sys.executable, '-c', REFUSE.format(refused=refused) + code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parents[1], timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def _is_with_torch(path):
    """Whether a module imports PyTorch, or one of the package that does."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add('torch' if node.module == 'precision' else (node.module or '').partition('.')[0])
    return 'torch' in modules


def _modules(with_torch):
    paths = [path for path in FOLDER.glob('*.py') if path.stem != '__init__']
    return sorted(path.stem for path in paths if _is_with_torch(path) == with_torch)


def test_all_modules_need_numpy_and_opencv_and_pytorch_alone():
    names = [*_modules(False), *_modules(True)]
    assert {'boxes', 'attention', 'semantic'} <= set(names)
    _run(OPENMMLAB, ''.join(f'import mmtscam.localization.{name}\n' for name in names))


def test_maps_become_boxes_without_pytorch():
    code = '\n'.join(f'import mmtscam.localization.{name}' for name in _modules(False))
    code += """
import numpy as np
from mmtscam.localization import correct_at_thresholds, get_protocol, map_to_boxes, threshold_grid
score_map = np.zeros((14, 14), np.float32)
score_map[4:8, 2:6] = 1
print(map_to_boxes(score_map, get_protocol('tscam')).tolist())
print(correct_at_thresholds(score_map, [[26, 58, 102, 134]], get_protocol('sat'), threshold_grid(0.5)).tolist())
assert 'torch' not in sys.modules
"""
    assert _run((*OPENMMLAB, 'torch'), code) == '[[26, 58, 102, 134]]\n[[True, True]]\n'


def test_pytorch_is_loaded_when_a_name_needs_it():
    _run(
        OPENMMLAB,
        """
import mmtscam.localization
assert 'torch' not in sys.modules
assert set(mmtscam.localization.__all__) <= set(dir(mmtscam.localization))
assert 'torch' not in sys.modules
from mmtscam.localization import semantic_maps
assert 'torch' in sys.modules
""",
    )


@pytest.mark.parametrize('name', localization.__all__)
def test_every_name_is_there(name):
    assert getattr(localization, name) is getattr(localization, name)
    assert name in dir(localization)


def test_names_of_modules_with_pytorch_are_those_of_the_modules():
    for name, module in localization._WITH_TORCH.items():
        assert module in _modules(True)
        assert getattr(localization, name) is getattr(sys.modules[f'mmtscam.localization.{module}'], name)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'mmtscam.localization' has no attribute 'map_to_box'"):
        _ = localization.map_to_box
