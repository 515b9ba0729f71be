"""Annotation files and folders of classes, through the checks and what reads them next."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from layouts import make_image_folders

from .case import EITHER, REFUSED, RIGHT, Case, Ground

_KEYS = dict(images=('id', 'file_name'), annotations=('image_id', 'category_id', 'bbox'), categories=('id', 'name'))
_NO_BOXES = (
    [1, 2, 3],
    [1, 2, 'a', 4],
    [1, 2, -3, 4],
    [1, 2, 0, 4],
    'a',
    None,
    [1, 2, float('nan'), 4],
    {'x': 1},
    [[1, 2, 3, 4]],
    [1e9, 1e9, 2, 2],
)
_CUB_FILES = ('images.txt', 'image_class_labels.txt', 'train_test_split.txt', 'bounding_boxes.txt')


def cases(ground: Ground) -> Iterator[Case]:
    yield from _coco(ground)
    yield from _cub(ground)
    yield from _class_folders(ground)


def _coco(ground: Ground) -> Iterator[Case]:
    folders = make_image_folders(ground.root / 'pets')
    truth = folders / 'annotations' / 'test.json'
    good = json.loads(truth.read_text())
    for number, (kind, name, content, end) in enumerate(_coco_contents(ground, good)):
        path = ground.place(f'pets/annotations/odd-{number}.json', content)
        words = ['check_data/custom.py', str(folders), '--boxes', str(path)]
        yield Case(kind, f'{name} (check)', words, end, (path.name,))
        if number % 3 == 0:
            words = ['analysis/evaluate_boxes.py', str(path), str(truth)]
            yield Case(kind, f'{name} (evaluate_boxes)', words, EITHER, (path.name,))


def _coco_contents(ground: Ground, good: dict[str, Any]) -> Iterator[tuple[str, str, bytes, str]]:
    def changed(change: Callable[[dict], object]) -> bytes:
        data = copy.deepcopy(good)
        change(data)
        return json.dumps(data).encode()

    def put(section: str, **values: Any) -> bytes:
        return changed(lambda data: data[section][0].update(values))

    def rename(new: Callable[[dict], str]) -> bytes:
        return changed(lambda data: [entry.update(file_name=new(entry)) for entry in data['images']])

    for section, keys in _KEYS.items():
        for key in keys:
            content = changed(lambda data, section=section, key=key: data[section][0].pop(key))
            yield 'COCO: a key is missing', f'no {key} in {section}', content, REFUSED
        content = changed(lambda data, section=section: data.pop(section))
        yield 'COCO: a key is missing', f'no {section}', content, REFUSED
        for value in ({}, ['a']):
            content = changed(lambda data, section=section, value=value: data.update({section: value}))
            yield 'COCO: another type', f'{section}: {value}', content, REFUSED
    for text in ('[]', 'null', '3', '"a"', '{}'):
        yield 'COCO: another type', f'only {text}', text.encode(), REFUSED
    for box in _NO_BOXES:
        yield 'COCO: a box that is none', f'bbox {box}', put('annotations', bbox=box), REFUSED
    for key, value in (('image_id', 99), ('category_id', 99), ('image_id', None), ('image_id', [1])):
        content = put('annotations', **{key: value})
        yield 'COCO: ids that lead nowhere', f'{key} {value}', content, REFUSED
    twice = changed(lambda data: data['images'].append(data['images'][0]))
    yield 'COCO: ids that lead nowhere', 'an image twice', twice, REFUSED
    kind = 'COCO: names that differ'
    yield kind, 'other category', put('categories', name='horse'), REFUSED
    yield kind, 'backslashes', rename(lambda entry: entry['file_name'].replace('/', '\\')), RIGHT
    yield kind, 'bare names', rename(lambda entry: f'{entry["id"]}.jpg'), REFUSED
    yield kind, 'absolute names', rename(lambda entry: '/data/' + entry['file_name']), REFUSED
    whole = json.dumps(good).encode()
    for name, content in ground.spoilt(whole):
        yield 'COCO: a broken file', name, content, EITHER if name == 'bytes changed' else REFUSED
    yield 'COCO: a broken file', 'byte order mark', b'\xef\xbb\xbf' + whole, RIGHT


def _cub(ground: Ground) -> Iterator[Case]:
    for name in _CUB_FILES:
        lines = (ground.data / name).read_text().splitlines()
        number, *rest = lines[0].split()
        no_number = ' '.join([number, 'x', *rest[1:]]) if name != 'images.txt' else number
        spoilt = {
            'a row less': lines[1:],
            'a row twice': [lines[0], *lines],
            'no number': [no_number, *lines[1:]],
            'a column more': [f'{lines[0]} 7 7', *lines[1:]],
            'a blank row': [*lines[:2], '', *lines[2:]],
            'nothing': [],
        }
        for what, rows in spoilt.items():
            path = ground.place(f'cub/{name}-{what}/{name}', '\n'.join(rows))
            for other in ground.data.iterdir():
                if other.name != name:
                    (path.parent / other.name).symlink_to(other)
            words = ['check_data/cub.py', str(path.parent), '--allow-subset']
            yield Case(f'CUB: {what}', name, words, EITHER, (name,))


def _class_folders(ground: Ground) -> Iterator[Case]:
    def check(name: str, change: Callable[[Any], object], *names: str) -> Case:
        root = make_image_folders(ground.root / 'class-folders' / name.replace(' ', '-'))
        change(root)
        return Case('class folders', name, ['check_data/custom.py', str(root)], REFUSED, names)

    yield check('a class less in test', lambda root: shutil.rmtree(root / 'test' / 'dog'), 'dog')
    yield check('another name in test', lambda root: (root / 'test' / 'dog').rename(root / 'test' / 'Dog'), 'Dog')
    yield check('an empty class', lambda root: (root / 'train' / 'bird').mkdir(), 'bird')
    yield check('no test', lambda root: shutil.rmtree(root / 'test'), 'test')
    yield check('no images', lambda root: [image.unlink() for image in root.rglob('*.jpg')], 'cat')
