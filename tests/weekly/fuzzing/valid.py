"""Valid content of every kind of file that is fuzzed."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from PIL import Image
from safetensors.torch import save

from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, evaluate_maps, save_thresholds, write_report
from mmtscam.evaluation.stored_maps import MapFile, MapPart, merge_parts
from mmtscam.evaluation.thresholds import best_thresholds
from mmtscam.localization import get_protocol
from mmtscam.structures import MapKind

CLASSES = ('ant', 'bee', 'cat')
KINDS = (MapKind('coupled', 'coupled map'), MapKind('attention', 'attention', class_agnostic=True))


def coco() -> dict[str, Any]:
    """Three images of 5 x 6 pixels with boxes, polygons and both kinds of run lengths."""
    size = [5, 6]
    regions = ([[1, 1, 4, 1, 4, 3, 1, 3]], dict(size=size, counts=[24, 3, 3]), dict(size=size, counts=';230004'))
    return dict(
        info=dict(description='boxes'),
        images=[dict(id=10 + place, file_name=f'a/{place}.jpg', height=5, width=6) for place in range(3)],
        categories=[dict(id=place + 1, name=name) for place, name in enumerate(CLASSES)],
        annotations=[
            dict(id=1, image_id=10, category_id=1, bbox=[1, 1, 3, 2], area=6, iscrowd=0, segmentation=regions[0]),
            dict(id=2, image_id=10, category_id=1, bbox=[4.5, 0, 1.25, 5], segmentation=regions[1]),
            dict(id=3, image_id=11, category_id=2, bbox=[0, 0, 1, 1], iscrowd=1, segmentation=regions[1]),
            dict(id=4, image_id=11, category_id=2, bbox=[0, 0, 1, 1], iscrowd=0, segmentation=regions[2]),
        ],
    )


def voc() -> bytes:
    """Two objects with parts, one of them difficult."""
    box = '<bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40.5</ymax></bndbox>'
    objects = ''.join(
        f'<object><name>ant</name><difficult>{number}</difficult>{box.format(number)}<part>{box.format(9)}</part></object>\n'
        for number in range(2)
    )
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotation><size><width>50</width></size>'
    return f'{head}\n{objects}</annotation>'.encode()


def image(ending: str, size: tuple[int, int] = (30, 20), mode: str = 'RGB', **options: Any) -> bytes:
    """A picture with noise."""
    rng = np.random.default_rng(0)
    bands = {'RGB': (3,), 'L': (), 'I;16': (), 'P': ()}[mode]
    most = {'P': 4, 'I;16': 65536}.get(mode, 256)
    pixels = rng.integers(1, most, (size[1], size[0], *bands)).astype(np.uint16 if mode == 'I;16' else np.uint8)
    picture = Image.fromarray(pixels)
    if mode == 'P':
        picture = Image.fromarray(pixels, mode='L').convert('P')
        picture.putdata(pixels.ravel().tolist())
    stream = io.BytesIO()
    picture.save(stream, ending, **options)
    return stream.getvalue()


def array(values: np.ndarray) -> bytes:
    """An ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _sample(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    attention = rng.random((14, 14), np.float32)
    attention[2 : 8 + number, 3:9] += 2
    coupled = np.stack([attention * (place + 1) for place in range(3)])
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:20], mask[0, 0] = 1, 255
    return dict(
        img_id=number,
        img_path=f'images/{number}.jpg',
        image_id=f'{number}.jpg',
        gt_label=number,
        pred_score=np.roll(np.array([0.1, 0.2, 0.7], np.float32), number),
        ori_shape=(20, 30),
        gt_instances=dict(bboxes=np.array([[5.0, 5, 20, 15]])),
        gt_sem_seg=dict(sem_seg=mask[None]),
        class_maps=dict(
            labels=np.arange(3),
            maps=coupled,
            coupled=coupled,
            attention=np.stack([attention] * 3),
            threshold=0.2,
            map_kind='coupled',
            map_kinds=KINDS,
        ),
    )


def map_part(folder: Path) -> bytes:
    """A part of a file of maps, of three images."""
    part = MapPart(folder / 'part')
    for number in range(3):
        part.add(_sample(number))
    part.close()
    return (folder / 'part').read_bytes()


def map_file(folder: Path) -> bytes:
    """A file of maps of three images with boxes and masks."""
    map_part(folder)
    merge_parts([folder / 'part'], folder / 'maps.npz', 3, CLASSES, dict(config='a.py', upright=True))
    return (folder / 'maps.npz').read_bytes()


def report(folder: Path) -> dict[str, bytes]:
    """``report.json`` and the rows of a test, by name."""
    map_file(folder)
    metrics = [LocAccuracy('tscam'), MaxBoxAcc('wsol-v2', step=0.05)]
    written = write_report(folder / 'report', evaluate_maps(MapFile(folder / 'maps.npz'), metrics), dict(config='a.py'))
    return {path.name: path.read_bytes() for path in written}


def thresholds(folder: Path) -> bytes:
    """A file of thresholds."""
    protocol = get_protocol('wsol-v2')
    correct = np.array([[3, 4], [2, 1], [0, 1]])
    choice = best_thresholds(correct, 5, np.array([0.1, 0.2]), protocol, 'maps', 'coupled')
    save_thresholds(folder / 'thresholds.json', [choice], ['a.jpg', 'b.jpg'], dict(config='a.py'))
    return (folder / 'thresholds.json').read_bytes()


def checkpoint(save_as: Callable[[dict, Any], None] = torch.save) -> bytes:
    """A checkpoint of a run: weights, statistics and config."""
    stream = io.BytesIO()
    cfg = "model = dict(type='ImageClassifier', head=dict(num_classes=3))\n"
    scalars = {'train/loss': HistoryBuffer([1.0, 2.0], [1, 1])}
    content = dict(
        meta=dict(epoch=1, cfg=cfg, dataset_meta=dict(classes=CLASSES)),
        state_dict={'head.weight': torch.ones(3, 4), 'head.bias': torch.zeros(3)},
        message_hub=dict(log_scalars=scalars, runtime_info=dict(cfg=cfg)),
    )
    save_as(content, stream)
    return stream.getvalue()


def tensors() -> bytes:
    """A safetensors file."""
    return save({'head.weight': torch.ones(3, 4), 'head.bias': torch.zeros(3)})


def as_json(content: Any) -> bytes:
    """Content as JSON."""
    return json.dumps(content).encode()


def mask_png(trimap: bool = False) -> bytes:
    """A mask, or a trimap with a palette."""
    if trimap:
        return image('PNG', mode='P')
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:20] = 255
    return cv2.imencode('.png', mask)[1].tobytes()
