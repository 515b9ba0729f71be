import dataclasses
import itertools

import numpy as np
import pytest
from PIL import Image

from mmtscam.datasets import WSOLDataset
from mmtscam.evaluation import constant_box_baselines
from mmtscam.localization import PROTOCOLS
from mmtscam.utils.annotated_size import AnnotatedSize

TSCAM = PROTOCOLS['tscam']


def _dataset(root, **kwargs):
    return WSOLDataset(dataset=dict(type='mmpretrain.CUB', data_root=str(root), split='test'), **kwargs)


def _truth(root):
    """The test images' boxes in the 224 frame, from the files."""
    columns = [
        [row.split()[1:] for row in (root / f'{name}.txt').read_text().splitlines()]
        for name in ('images', 'train_test_split', 'bounding_boxes')
    ]
    for (path,), (train,), box in zip(*columns, strict=True):
        if train == '1':
            continue
        with Image.open(root / 'images' / path) as image:
            width, height = image.size
        x, y, w, h = (int(float(value)) for value in box)
        yield (
            int(x / width * 224),
            int(y / height * 224),
            min(int((x + w) / width * 224), 223),
            min(int((y + h) / height * 224), 223),
        )


def _hit(box, truth):
    area = (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
    true_area = (truth[2] - truth[0] + 1) * (truth[3] - truth[1] + 1)
    columns = min(box[2], truth[2]) - max(box[0], truth[0]) + 1
    rows = min(box[3], truth[3]) - max(box[1], truth[1]) + 1
    shared = max(columns, 0) * max(rows, 0)
    return shared / (area + true_area - shared) >= 0.5


def _whole(truth):
    return 100 * np.mean([_hit((0, 0, 223, 223), box) for box in truth])


def test_baselines_of_the_sample_set(sample_set):
    truth = list(_truth(sample_set))
    assert len(truth) == 16
    baselines = constant_box_baselines(_dataset(sample_set, boxes=dict(type='CUBBoxes')), TSCAM)
    assert set(baselines) == {'best_constant_box', 'whole_image', 'with_box'}
    assert baselines['with_box'] == 16
    assert baselines['whole_image'] == pytest.approx(_whole(truth))
    grid = list(itertools.combinations(range(0, 224, 32), 2))
    coarse = max(sum(_hit((x1, y1, x2, y2), box) for box in truth) for x1, x2 in grid for y1, y2 in grid)
    assert 100 * coarse / 16 - 100 / 16 <= baselines['best_constant_box'] < 100


def test_baselines_of_real_birds(assets):
    root = assets / 'data' / 'CUB_200_2011'
    dataset = _dataset(root, boxes=dict(type='CUBBoxes'), indices=list(range(0, 243, 3)))
    truth = list(_truth(root))[::3]
    assert len(truth) == len(dataset) == 81
    baselines = constant_box_baselines(dataset, TSCAM)
    assert baselines['whole_image'] == pytest.approx(_whole(truth))
    # A centred box of the birds' median edges is one that the search must not lose to by much.
    median = np.median(truth, axis=0).astype(int).tolist()
    assert baselines['best_constant_box'] >= 100 * np.mean([_hit(median, box) for box in truth]) - 2
    assert baselines['best_constant_box'] >= baselines['whole_image']


def test_an_easier_level_is_reached_more_often(sample_set):
    dataset = _dataset(sample_set, boxes=dict(type='CUBBoxes'))
    strict, easy = (
        constant_box_baselines(dataset, dataclasses.replace(TSCAM, iou_levels=(level,))) for level in (0.5, 0.1)
    )
    assert easy['best_constant_box'] > strict['best_constant_box']


def test_without_boxes(sample_set):
    dataset = _dataset(sample_set)
    with pytest.raises(ValueError, match='no true box') as caught:
        constant_box_baselines(dataset, TSCAM)
    assert str(caught.value).startswith(dataset.get_data_info(0)['img_path'])


def test_images_without_an_object_are_left_out(sample_set):
    dataset = _dataset(sample_set, boxes=dict(type='CUBBoxes'), serialize_data=False)
    expected = constant_box_baselines(_dataset(sample_set, boxes=dict(type='CUBBoxes'), indices=range(1, 16)), TSCAM)
    dataset.data_list[0]['instances'] = []
    assert constant_box_baselines(dataset, TSCAM) == expected
    for info in dataset.data_list:
        info['instances'] = []
    with pytest.raises(ValueError, match='none of the 16 images of the data set has a true box'):
        constant_box_baselines(dataset, TSCAM)


def test_images_of_another_size_than_annotated_are_refused(sample_set):
    dataset = _dataset(sample_set, boxes=dict(type='CUBBoxes'))
    info = dict(dataset.get_data_info(0), annotated_size=AnnotatedSize('truth.json', 9, 9))
    dataset.get_data_info = lambda _: info
    with pytest.raises(ValueError, match=r'truth\.json annotates it as 9x9: scale the boxes'):
        constant_box_baselines(dataset, TSCAM)
