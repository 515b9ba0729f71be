"""Fixtures of the tests of agreement, which name this module in ``pytest_plugins``."""

import importlib
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from .coco_evaluators import need
from .table import Table

VARIABLE = 'MMTSCAM_WSOL_EVALUATION'
MODULES = ('evaluation', 'inference', 'util', 'config', 'data_loaders')


@pytest.fixture(scope='session')
def agreement() -> Iterator[Table]:
    """The table of this run; ``-s`` shows it at the end."""
    table = Table()
    yield table
    print('', *table.lines(), sep='\n')


@pytest.fixture(scope='module')
def benchmark() -> Iterator[SimpleNamespace]:
    """Modules ``evaluation`` and ``inference`` of the WSOL benchmark, from the checkout that a variable names."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f'{VARIABLE} names no checkout of https://github.com/clovaai/wsolevaluation')
    need('munch', 'munch')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        # Its code is older than NumPy 1.24, which took this name away.
        patch.setattr(np, 'float', float, raising=False)
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES[:2]})
    for name in MODULES:
        sys.modules.pop(name, None)
