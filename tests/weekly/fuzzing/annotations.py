"""Readers of annotation files, as data sets use them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mmtscam.datasets import (
    BenchmarkBoxes,
    COCOBoxes,
    COCOMasks,
    CUBBoxes,
    ILSVRCBoxes,
    ILSVRCCSVBoxes,
    MaskBoxes,
    MaskImages,
    OpenImagesMasks,
    VOCBoxes,
    WSOLBenchmark,
    WSOLDataset,
)
from mmtscam.pseudo_labels.box_scores import score_boxes

from . import valid
from .mutation import change_json, change_png, change_text
from .running import Target

_IMAGES = [f'images/a/{number}.jpg' for number in range(3)]
_CUB = {
    'images.txt': '\n'.join(f'{number} a/{number}.jpg' for number in range(3)),
    'bounding_boxes.txt': '\n'.join(f'{number} 1.0 2.0 10.5 {number + 3}' for number in range(3)),
    'image_class_labels.txt': '\n'.join(f'{number} {number + 1}' for number in range(3)),
    'train_test_split.txt': '\n'.join(f'{number} {int(number > 0)}' for number in range(3)),
}
_BENCHMARK = {
    'image_ids.txt': '\n'.join(_IMAGES),
    'class_labels.txt': '\n'.join(f'{name},{label}' for label, name in enumerate(_IMAGES)),
    'image_sizes.txt': '\n'.join(f'{name},30,20' for name in _IMAGES),
    'localization.txt': '\n'.join(f'{name},1,2,10,20' for name in _IMAGES),
}
_METAINFO = dict(classes=valid.CLASSES)


def annotation_targets() -> Iterator[Target]:
    """The readers of boxes, masks and lists of images."""
    for name in _CUB:
        yield _text(f'CUB: {name}', name, _CUB[name], _cub, _CUB)
    for name in _BENCHMARK:
        reader = _benchmark if name != 'localization.txt' else _benchmark_boxes
        yield _text(f'benchmark: {name}', name, _BENCHMARK[name], reader, _BENCHMARK)
    masks = '\n'.join(f'{name},m/{number}.png,{"m/ignore.png" * (number == 0)}' for number, name in enumerate(_IMAGES))
    yield Target(
        'Open Images: localization.txt',
        'localization.txt',
        [masks.encode()],
        change_text,
        _open_images,
        named=False,  # a mask file may be named
        others={f'm/{name}.png': valid.mask_png() for name in ('0', '1', '2', 'ignore')},
    )
    yield _text('a path and a label a line', 'train.txt', '\n'.join(f'a/{n}.jpg {n}' for n in range(3)), _listed)
    yield _text('names of classes', 'classes.txt', '\n'.join(valid.CLASSES), _classes, {'a.txt': 'a.jpg 0'})
    rows = '\n'.join(f'{number},n01440764 1 2 20 15 n01440764 3 4 10 10 ' for number in range(3))
    yield _text('ILSVRC: csv', 'LOC.csv', f'ImageId,PredictionString\n{rows}', _ilsvrc_csv)
    for name, reader in (('ILSVRC', _ilsvrc), ('VOC', _voc)):
        yield Target(f'{name}: xml', '0.xml', [valid.voc()], change_text, reader)
    coco = [valid.as_json(valid.coco())]
    for name, read in (('boxes', _coco_boxes), ('masks', _coco_masks), ('to be scored', _coco_scores)):
        others = {'truth.json': coco[0]}
        yield Target(f'COCO: {name}', 'coco.json', coco, change_json, read, others=others)
    pictures = [valid.mask_png(), valid.image('PNG', mode='I;16'), valid.image('BMP', mode='L')]
    yield Target('mask images', '0.png', pictures, change_png, _mask, others={'images/0.jpg': valid.image('JPEG')})
    yield Target('trimaps', '0.png', [valid.mask_png(trimap=True)], change_png, partial(_mask, convention='trimap'))


def _text(name: str, file: str, content: str, read: Callable, others: dict[str, str] | None = None) -> Target:
    rest = {key: text.encode() for key, text in (others or {}).items() if key != file}
    return Target(name, file, [content.encode()], change_text, read, named=False, others=rest)


def _load(root: Path, dataset: dict[str, Any], **settings: Any) -> WSOLDataset:
    loaded = WSOLDataset(dict(data_root=str(root), **dataset), metainfo=_METAINFO, **settings)
    loaded.full_init()
    for index in range(len(loaded)):
        loaded.get_data_info(index)
    loaded.get_gt_labels()
    return loaded


def _cub(path: Path) -> None:
    boxes = CUBBoxes(str(path.parent))
    for number in range(3):
        boxes(f'{path.parent}/images/a/{number}.jpg')
    _load(path.parent, dict(type='mmpretrain.CUB', split='test'), boxes=dict(type='CUBBoxes'))


def _benchmark(path: Path) -> None:
    _load(path.parent, dict(type='WSOLBenchmark', metadata=''), boxes=dict(type='BenchmarkBoxes', metadata=''))


def _benchmark_boxes(path: Path) -> None:
    WSOLBenchmark(str(path.parent), '', metainfo=_METAINFO)
    boxes = BenchmarkBoxes(str(path.parent), '')
    for name in _IMAGES:
        boxes(str(path.parent / name))


def _open_images(path: Path) -> None:
    masks = OpenImagesMasks(str(path.parent), '', size=(20, 20))
    for name in _IMAGES:
        masks.check(str(path.parent / name))
        masks(str(path.parent / name))


def _listed(path: Path) -> None:
    dataset = dict(type='mmpretrain.CustomDataset', ann_file=path.name, data_prefix='images')
    _load(path.parent, dataset)
    _load(path.parent, dataset, serialize_data=False)


def _classes(path: Path) -> None:
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(path.parent), ann_file='a.txt', data_prefix='images')
    WSOLDataset(dataset, classes=str(path)).full_init()


def _ilsvrc_csv(path: Path) -> None:
    boxes = ILSVRCCSVBoxes(str(path.parent), path.name)
    for number in range(3):
        boxes(f'{number}.JPEG')


def _ilsvrc(path: Path) -> None:
    ILSVRCBoxes(str(path.parent), '')('images/0.JPEG')


def _voc(path: Path) -> None:
    VOCBoxes(str(path.parent), '')('images/0.jpg', 'ant')


def _coco_boxes(path: Path) -> None:
    for match in (True, False):
        boxes = COCOBoxes(str(path.parent), path.name, match_class=match)
        for number, name in ((0, 'ant'), (1, 'bee'), (2, 'cat')):
            boxes(f'{path.parent}/a/{number}.jpg', name)
            boxes.img_id(f'{path.parent}/a/{number}.jpg')


def _coco_masks(path: Path) -> None:
    for match in (True, False):
        masks = COCOMasks(str(path.parent), path.name, match_class=match)
        for number, name in ((0, 'ant'), (1, 'bee'), (2, 'cat')):
            masks.check(f'{path.parent}/a/{number}.jpg')
            masks(f'{path.parent}/a/{number}.jpg', name)


def _coco_scores(path: Path) -> None:
    truth = path.with_name('truth.json')
    score_boxes(path, truth)
    score_boxes(truth, path, class_agnostic=True)


def _mask(path: Path, **settings: Any) -> None:
    MaskImages(str(path.parent), '', **settings)(f'{path.parent}/images/0.jpg')
    if not settings:
        masks = dict(type='MaskImages', mask_dir='')
        MaskBoxes(str(path.parent), masks, min_area=0.5)(f'{path.parent}/images/0.jpg')
