import itertools
import json

import compiled_ops  # noqa: F401 - skips this module without them
import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric, VOCMetric
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from PIL import Image

from mmtscam.datasets import PackLocInputs
from mmtscam.datasets.coco import COCOOutput
from mmtscam.datasets.true_boxes import write_true_boxes
from mmtscam.pseudo_labels import build_dataset
from mmtscam.registry import DATASETS


@pytest.fixture
def annotated(tiny_config, files, ours, sample_set, tmp_path):
    """All images for testing, with boxes of a COCO file: one near what the model predicts, sometimes another."""
    images, annotations, numbers = [], [], itertools.count(1)
    rng = np.random.default_rng(0)
    paths = sorted((sample_set / 'images').rglob('*.jpg'))
    ids = rng.permutation(len(paths)) * 3 + 5
    for number, path in zip(ids.tolist(), paths, strict=True):
        label = int(path.parent.name[:3]) - 1
        with Image.open(path) as image:
            width, height = image.size
        name = str(path.relative_to(sample_set / 'images'))
        images.append(dict(id=number, file_name=name, width=width, height=height))
        x1, y1, x2, y2 = ours(path, classes=label)['predictions'][0]['bboxes'][0]
        boxes = [[x1, y1, (x2 - x1) * rng.uniform(0.3, 1.0), (y2 - y1) * rng.uniform(0.6, 1.0)]]
        boxes += [[0.0, 0.0, width / 3, height / 2]] * (number % 2)
        annotations += [
            dict(id=next(numbers), image_id=number, category_id=label + 20, bbox=box, area=box[2] * box[3], iscrowd=0)
            for box in boxes
        ]
    categories = [dict(id=label + 20, name=name) for label, name in enumerate(ours.classes)]
    content = dict(images=images, annotations=annotations, categories=categories)
    (tmp_path / 'coco.json').write_text(json.dumps(content))
    dataset = tiny_config.test_dataloader.dataset
    dataset.dataset = dict(type='mmpretrain.CustomDataset', data_root=str(sample_set), data_prefix='images')
    dataset.boxes = dict(type='COCOBoxes', ann_file=str(tmp_path / 'coco.json'), img_prefix='images')
    tiny_config.load_from = files[1]
    return tiny_config


def _iou(box, other, extra):
    x1, y1, x2, y2 = np.concatenate([np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])])
    shared = max(x2 - x1 + extra, 0) * max(y2 - y1 + extra, 0)
    areas = [(each[2] - each[0] + extra) * (each[3] - each[1] + extra) for each in (box, other)]
    return shared / (sum(areas) - shared)


def _average_precisions(samples, num_classes, coco):
    """AP at IoU 0.5 of each class that has true boxes, image by image and box by box.

    COCO's has 101 levels of recall; VOC's is the area, with boxes a pixel
    wider, and looks at the nearest true box alone.
    """
    values = []
    for label in range(num_classes):
        truth = [sample.gt_instances.bboxes[sample.gt_instances.labels == label].numpy() for sample in samples]
        found = [
            (score, image, box)
            for image, sample in enumerate(samples)
            for score, kind, box in zip(
                sample.pred_instances.scores.tolist(),
                sample.pred_instances.labels.tolist(),
                sample.pred_instances.bboxes.numpy(),
                strict=True,
            )
            if kind == label
        ]
        total, taken, hits = sum(map(len, truth)), set(), []
        if not total:
            continue
        for _, image, box in sorted(found, key=lambda each: -each[0]):
            ious = {place: _iou(box, other, 0 if coco else 1) for place, other in enumerate(truth[image])}
            if coco:
                ious = {place: iou for place, iou in ious.items() if (image, place) not in taken}
            place = max(ious, key=ious.get, default=None)
            hits.append(place is not None and ious[place] >= 0.5 and (image, place) not in taken)
            if hits[-1]:
                taken.add((image, place))
        right = np.cumsum(hits)
        recall, precision = right / total, right / np.arange(1, len(hits) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        if coco:
            places = np.searchsorted(recall, np.linspace(0, 1, 101))
            values.append(np.append(precision, 0)[places].mean())
        else:
            values.append(float((np.diff(recall, prepend=0) * precision).sum()))
    return values


def test_figures_against_an_independent_calculation(annotated, tmp_path):
    """The evaluator alone is changed; truth from the samples and from the file is the same."""
    annotated.test_evaluator = [
        dict(type='mmdet.CocoMetric', metric='bbox', prefix='samples'),
        dict(type='mmdet.CocoMetric', metric='bbox', prefix='file', ann_file=str(tmp_path / 'coco.json')),
        dict(type='mmdet.VOCMetric', eval_mode='area'),
        dict(type='LocAccuracy'),
    ]
    runner = Runner.from_cfg(annotated)
    figures = runner.test()
    dataset = DATASETS.build(annotated.test_dataloader.dataset)
    samples = []
    for index in range(len(dataset)):
        packed = dataset[index]
        with torch.no_grad():
            batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
            samples += runner.model.test_step(batch)
    for names, coco in ((('samples/bbox_mAP_50', 'file/bbox_mAP_50'), True), (('pascal_voc/AP50',), False)):
        values = _average_precisions(samples, 8, coco)
        assert len(values) == 8 and len(set(values)) > 4
        assert 0.05 < np.mean(values) < 0.95
        for name in names:
            assert figures[name] == pytest.approx(np.mean(values), abs=6e-4)
    for name in ('bbox_mAP', 'bbox_mAP_m', 'bbox_mAP_l'):
        assert figures[f'samples/{name}'] == figures[f'file/{name}'] > 0
    assert 0 <= figures['tscam/gt_known'] <= 100


def test_on_the_sample_set_the_evaluator_alone_is_changed(tiny_config, files):
    tiny_config.load_from = files[1]
    tiny_config.test_evaluator = dict(type='mmdet.CocoMetric', metric='bbox', classwise=True)
    figures = Runner.from_cfg(tiny_config).test()
    assert set(figures) > {'coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/Crested_Zeb_precision'}


def test_ignored_boxes():
    """Found or not, they count for nothing."""
    boxes = dict(right=[10, 10, 60, 60], ignored=[100, 100, 180, 180])
    figures = {}
    for flag in (0, 1):
        instances = [
            dict(bbox=boxes['right'], bbox_label=0, ignore_flag=0),
            dict(bbox=boxes['ignored'], bbox_label=0, ignore_flag=flag),
        ]
        results = dict(img=np.zeros((8, 8, 3), np.uint8), img_id=0, ori_shape=(200, 200), instances=instances)
        sample = PackLocInputs()(results)['data_samples']
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([boxes['ignored'], boxes['right']], dtype=torch.float32)[flag:],
            labels=torch.tensor([0, 0])[flag:],
            scores=torch.tensor([0.9, 0.8])[flag:],
        )
        evaluator = Evaluator([CocoMetric(), VOCMetric(eval_mode='area')])
        evaluator.dataset_meta = dict(classes=('bird',))
        evaluator.process([sample])
        figures[flag] = evaluator.evaluate(1)
    for name in ('coco/bbox_mAP_50', 'pascal_voc/AP50'):
        assert figures[0][name] == figures[1][name] == pytest.approx(1, abs=1e-3)


def test_the_file_of_wsol_to_coco_is_an_ann_file(tiny_config, tmp_path):
    truth = tmp_path / 'truth.json'
    write_true_boxes(build_dataset(tiny_config, 'test', boxes=dict(type='CUBBoxes')), COCOOutput(truth))
    tiny_config.test_evaluator = [
        dict(type='mmdet.CocoMetric', metric='bbox', prefix='samples'),
        dict(type='mmdet.CocoMetric', metric='bbox', prefix='file', ann_file=str(truth)),
    ]
    figures = Runner.from_cfg(tiny_config).test()
    assert figures['samples/bbox_mAP'] == pytest.approx(figures['file/bbox_mAP'], abs=1e-3)
    assert figures['file/bbox_mAP'] >= 0
