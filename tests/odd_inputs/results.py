"""Results of our own tools, spoilt, and plans of comparisons."""

import io
from collections.abc import Iterator

import numpy as np

from .case import REFUSED, Case, Ground

_REPORTS = {
    'cut': '{"metrics": {"tscam/',
    'empty': '',
    'a list': '[]',
    'text': '"a"',
    'nothing in it': '{}',
    'other types': '{"metrics": 3, "protocols": 4}',
}
_THRESHOLDS = {
    'cut': '{"format": "mmtscam thresh',
    'a list': '[]',
    'nothing in it': '{}',
    'other nesting': '{"format": "mmtscam thresholds 2", "origin": {}, "thresholds": {"tscam": 0.1}, "images": []}',
    'a key is missing': '{"format": "mmtscam thresholds 2", "origin": {}, "thresholds": [{}], "images": []}',
}
_PLAN = "title = 'a'\nseeds = (1,)\ncolumns = {'a': 'b'}\n"
_PLANS = {
    'syntax': 'methods = [',
    'empty': '',
    'no methods': f'{_PLAN}methods = []\n',
    'a config that is not there': f"{_PLAN}methods = [dict(name='A', config='none.py')]\n",
    'unknown field': f"{_PLAN}methods = [dict(name='A', colour=1)]\n",
}


def cases(ground: Ground) -> Iterator[Case]:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros((3, 4)))
    for name, content in {**dict(ground.spoilt(stream.getvalue())), 'other arrays': stream.getvalue()}.items():
        path = ground.place(f'maps/{name}.npz', content)
        yield Case('stored maps', name, ['analysis/evaluate_maps.py', str(path)], REFUSED, (path.name,))
    for name, text in _REPORTS.items():
        folder = ground.place(f'reports/{name}/report.json', text).parent
        words = ['analysis/report.py', str(folder), '--out', str(folder / 'page')]
        yield Case('reports', name, words, REFUSED, ('report.json', folder.name), folder / 'page')
    for name, text in _THRESHOLDS.items():
        path = ground.place(f'thresholds/{name}.json', text)
        words = ['test.py', str(ground.config), str(ground.checkpoint), '--thresholds', str(path)]
        folder = ground.folder(f'thresholds {name}')
        yield Case('threshold files', name, [*words, '--work-dir', str(folder)], REFUSED, (path.name,))
    for name, content in ground.spoilt(b'\x08\x07\x12\x07pytorch' * 30):
        path = ground.place(f'onnx/{name}.onnx', content)
        words = ['deployment/onnx_demo.py', str(ground.photo), str(path)]
        yield Case('ONNX files', name, words, REFUSED, (path.name,))
    for name, text in _PLANS.items():
        path = ground.place(f'plans/{name}.py', text)
        words = ['analysis/compare_methods.py', str(path), '--work-dir', str(ground.folder('plans'))]
        yield Case('plans of comparisons', name, words, REFUSED, (path.name, 'none.py'))
