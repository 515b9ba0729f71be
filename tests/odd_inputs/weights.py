"""Checkpoints, through the test and the demo."""

import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .case import EITHER, REFUSED, RIGHT, Case, Ground


def cases(ground: Ground) -> Iterator[Case]:
    for kind, name, content, end in _contents(ground):
        path = ground.place(f'weights/{name}.pth', content)
        names = (path.name, 'classes') if 'classes' in name else (path.name,)
        words = ['test.py', str(ground.config), str(path), '--work-dir', str(ground.folder(f'test-{name}'))]
        yield Case(kind, f'{name} (test)', words, end, names)
        if 'classes' not in name:
            words = ['image_demo.py', str(ground.photo), str(ground.config), str(path)]
            yield Case(kind, f'{name} (demo)', [*words, '--out-dir', str(ground.folder(f'demo-{name}'))], end, names)
    folder = ground.root / 'weights' / 'folder.pth'
    folder.mkdir()
    yield Case('weights: broken', 'a folder', ['test.py', str(ground.config), str(folder)], REFUSED, ('folder.pth',))


def _contents(ground: Ground) -> Iterator[tuple[str, str, bytes, str]]:
    data = torch.load(ground.checkpoint, weights_only=True)
    state, classes = data['state_dict'], data['meta']['dataset_meta']['classes']
    first = next(iter(state))
    for name, content in ground.spoilt(ground.checkpoint.read_bytes()):
        yield 'weights: broken', name, content, EITHER if name == 'bytes changed' else REFUSED
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, 'w') as files:
        files.writestr('notes.txt', 'hello')
    yield 'weights: broken', 'a zip', archive.getvalue(), REFUSED

    others = {
        'a pickled object': _saved({'state_dict': state, 'path': Path('a')}),
        'a plain pickle': pickle.dumps({'a': 1}),
        'a list': _saved([1, 2]),
        'a tensor': _saved(torch.zeros(3)),
        'numbers': _saved({'state_dict': {'a': 1}}),
        'no weights': _saved({'state_dict': {}}),
    }
    for name, content in others.items():
        yield 'weights: other content', name, content, REFUSED
    yield 'weights: other names', 'the weights alone', _saved(state), RIGHT
    wrapped = {f'module.{key}': value for key, value in state.items()}
    yield 'weights: other names', 'of a wrapped model', _saved({'state_dict': wrapped}), RIGHT
    unknown = {f'x{key}': value for key, value in state.items()}
    yield 'weights: other names', 'unknown', _saved({'state_dict': unknown}), REFUSED
    less = {key: value for key, value in state.items() if key != first}
    yield 'weights: other names', 'one less', _saved({'state_dict': less}), REFUSED
    more = {**state, 'head.more': torch.zeros(1)}
    yield 'weights: other names', 'one more', _saved({'state_dict': more}), EITHER
    shape = {**state, first: torch.zeros(2, 3)}
    yield 'weights: other names', 'another shape', _saved({'state_dict': shape}), REFUSED
    for name, found in (('other classes', tuple('abcdefgh')), ('classes in another order', tuple(classes[::-1]))):
        yield 'weights: other classes', name, _saved({**data, 'meta': {'dataset_meta': {'classes': found}}}), REFUSED


def _saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()
