"""Every tool answers --help before it loads anything heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
TOOLS = sorted((REPO / 'tools').rglob('*.py'))
HEAVY = ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain', 'cv2', 'numpy', 'matplotlib', 'rich', 'onnxruntime')
# Each as a user starts it, in one process; what an earlier one loaded would show in the later ones too.
SCRIPT = f"""
import contextlib, io, json, runpy, sys

def ask(start, *words):
    sys.argv = [*words, '--help']
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            start()
            code = None
        except SystemExit as end:
            code = end.code
    return code, text.getvalue(), [name for name in {HEAVY} if name in sys.modules]

answers = {{path: ask(lambda: runpy.run_path(path, run_name='__main__'), path) for path in sys.argv[1:]}}
answers['module'] = ask(lambda: runpy.run_module('mmtscam.apis.infer', run_name='__main__'), 'infer')
figure = 'tools/visualization/paper_figures.py'
answers['layers'] = ask(lambda: runpy.run_path(figure, run_name='__main__'), figure, 'layers')
print(json.dumps(answers))
"""


@pytest.fixture(scope='module')
def answers():
    """Exit code, text and heavy modules of each tool."""
    words = [sys.executable, '-c', SCRIPT, *map(str, TOOLS)]
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tools_are_found():
    assert {'train.py', 'test.py', 'image_demo.py', 'benchmark.py', 'custom.py'} <= {path.name for path in TOOLS}


@pytest.mark.parametrize('name', [*map(str, TOOLS), 'module', 'layers'], ids=lambda name: Path(name).stem)
def test_help(answers, name):
    code, text, heavy = answers[name]
    assert code == 0 and text.startswith('usage: ')
    assert heavy == []
