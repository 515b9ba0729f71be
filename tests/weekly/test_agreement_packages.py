"""Numbers of boxes and maps against pycocotools, faster-coco-eval, torchmetrics and torchvision.

``pytest tests/weekly/test_agreement_packages.py -s`` prints the table. ``MMTSCAM_AGREEMENT_CASES`` sets the number of
images.
"""

import json
import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from mmpretrain.evaluation import Accuracy
from pycocotools import mask as coco_mask
from sklearn.metrics import top_k_accuracy_score
from torchvision.ops import box_iou
from weekly.agreement import plain_coco, plain_scores
from weekly.agreement.coco_evaluators import (
    average_precision,
    found_by_one_box,
    mean_average_precision,
    need,
    recall,
    share_of_matches,
    with_pixels,
)
from weekly.agreement.coco_files import detections, make_files
from weekly.agreement.maps import CLASSES, groups

from mmtscam.evaluation import LocAccuracy, PixelAP
from mmtscam.localization import box_overlaps, boxes_to_frame, boxes_to_image, map_to_boxes
from mmtscam.pseudo_labels.box_scores import score_boxes

pytest_plugins = ['weekly.agreement.fixtures']

CASES = int(os.environ.get('MMTSCAM_AGREEMENT_CASES', '10000'))
SIZE = 20  # images of a file or a group
PACKAGES = ['pycocotools', 'faster-coco-eval']


def some_files(seed, tmp_path, every=1):
    """Predicted and true boxes, and the numbers of ``evaluate_boxes.py`` with and without categories."""
    rng = np.random.default_rng(seed)
    paths = tmp_path / 'boxes.json', tmp_path / 'truth.json'
    for _ in range(CASES // SIZE // every):
        contents = make_files(rng, SIZE)
        if not contents[0]['annotations'] or all(each.get('iscrowd') for each in contents[1]['annotations']):
            continue
        for path, content in zip(paths, contents, strict=True):
            path.write_text(json.dumps(content))
        for agnostic in (False, True):
            yield *contents, agnostic, score_boxes(*paths, class_agnostic=agnostic)


def test_boxes_of_files_by_plain_code(agreement, tmp_path):
    for boxes, truth, agnostic, scores in some_files(0, tmp_path):
        found, true = detections(boxes, truth), truth['annotations']
        corloc = plain_coco.correct_localization(true, found)
        if agnostic:
            found, true = ([dict(each, category_id=0) for each in some] for some in (found, true))
        values = plain_coco.average_precision(true, found, list(range(6)), plain_coco.LEVELS)
        expected = dict(AP=np.mean(values), AP50=values[0], AP75=values[5], CorLoc=corloc)
        difference = max(abs(scores[name] - value) for name, value in expected.items())
        assert difference < 1e-9, (scores, expected)
        agreement.add('`evaluate_boxes.py`: AP, AP50, AP75, CorLoc and plain code', SIZE, difference)


@pytest.mark.parametrize('package', PACKAGES)
def test_boxes_of_files(agreement, tmp_path, package):
    for boxes, truth, agnostic, scores in some_files(1, tmp_path):
        found = detections(boxes, truth)
        values = average_precision(package, truth, found, agnostic)
        difference = np.abs(np.array(values) - [scores[name] for name in ('AP', 'AP50', 'AP75')]).max()
        assert difference < 1e-9
        agreement.add(f'`evaluate_boxes.py`: AP, AP50, AP75 and {package}', SIZE, difference)


@pytest.mark.parametrize('backend', ['pycocotools', 'faster_coco_eval'])
def test_boxes_of_files_by_torchmetrics(agreement, tmp_path, backend):
    if backend == 'faster_coco_eval':
        need(backend, 'faster-coco-eval==1.8.0')
    grids = dict(iou_thresholds=plain_coco.LEVELS, rec_thresholds=plain_coco.RECALLS)
    for boxes, truth, agnostic, scores in some_files(2, tmp_path, every=10):
        found = detections(boxes, truth)
        if agnostic:
            continue
        for name, options, most in (('the grids of COCO', grids, 1e-4), ('its own grids', {}, 100)):
            values = mean_average_precision(truth, found, backend=backend, **options)
            difference = max(
                abs(100 * values[key] - scores[ours])
                for key, ours in (('map', 'AP'), ('map_50', 'AP50'), ('map_75', 'AP75'))
            )
            assert difference < most
            agreement.add(f'`evaluate_boxes.py` and torchmetrics over {backend}, with {name}', SIZE, difference)


def one_box_each(seed, several, count):
    """Rules that draw one box, the boxes of images, their true ones, and GT-known Loc at each IoU level."""
    for group in groups(count, SIZE, seed):
        rules, cases = group.rules, [case for case in group.cases if len(case.boxes)]
        if rules.regions == 'all_contours':
            continue
        for case in cases:
            case.boxes = case.boxes if several else case.boxes[:1]
        metric = LocAccuracy(rules, rules.threshold)
        metric.process({}, [case.sample(number) for number, case in enumerate(cases)])
        metric.evaluate(len(cases))
        numbers = [number.value for number in metric.result.numbers if number.name.startswith('gt_known')]
        boxes = np.concatenate([map_to_boxes(case.score_map, rules) for case in cases])
        truth = [boxes_to_frame(case.boxes, case.size, rules) for case in cases]
        yield rules, boxes, truth, np.array(numbers[: len(rules.iou_levels)])  # the mean comes last


@pytest.mark.parametrize('package', PACKAGES)
def test_gt_known_is_the_recall_of_one_box(agreement, package):
    """With one true box an image, inclusive pixels made real edges, one prediction and no categories."""
    for rules, boxes, truth, numbers in one_box_each(300, several=False, count=CASES // SIZE):
        difference = np.abs(numbers - recall(found_by_one_box(package, boxes, truth, rules.iou_levels))).max()
        assert difference < 1e-9
        agreement.add(f'GT-known Loc, one true box, and recall of {package}', len(boxes), difference)


def test_gt_known_is_the_share_of_matches(agreement):
    """With several true boxes, of which COCO's recall counts each."""
    for rules, boxes, truth, numbers in one_box_each(301, several=True, count=CASES // SIZE):
        done = found_by_one_box('pycocotools', boxes, truth, rules.iou_levels)
        difference = np.abs(numbers - share_of_matches(done)).max()
        assert difference < 1e-9
        agreement.add('GT-known Loc, several true boxes, and matches of pycocotools', len(boxes), difference)
        difference = np.abs(numbers - recall(done)).max()
        agreement.add('GT-known Loc, several true boxes, and recall of pycocotools', len(boxes), difference)


def test_gt_known_is_the_recall_of_torchmetrics(agreement):
    for rules, boxes, truth, numbers in one_box_each(302, several=False, count=CASES // SIZE // 5):
        if len(rules.iou_levels) > 1:
            continue
        rows = [dict(image_id=number, category_id=1) for number in range(len(boxes))]
        true = [dict(row, bbox=with_pixels(some[0])) for row, some in zip(rows, truth, strict=True)]
        found = [dict(row, bbox=with_pixels(box), score=0.5) for row, box in zip(rows, boxes, strict=True)]
        content = dict(images=[dict(id=number) for number in range(len(boxes))], annotations=true)
        value = 100 * mean_average_precision(content, found, iou_thresholds=list(rules.iou_levels))['mar_1']
        assert abs(numbers[0] - value) < 1e-4  # in single precision
        agreement.add('GT-known Loc, one true box, and `mar_1` of torchmetrics', len(boxes), abs(numbers[0] - value))


def test_gt_known_and_corloc(agreement):
    """The same boxes by inclusive pixels of the frame and by real edges in the image: two definitions."""
    images, apart = 0, 0
    for group in groups(max(6, CASES // SIZE // 10), SIZE, 303, frames=[(224, 224)]):
        rules = group.rules
        if rules.regions == 'all_contours' or 0.5 not in rules.iou_levels:
            continue
        for case in group.cases:
            if not len(case.boxes):
                continue
            boxes, truth = map_to_boxes(case.score_map, rules), boxes_to_frame(case.boxes, case.size, rules)
            pixels = box_overlaps(boxes, truth)[0].max() >= 0.5
            edges = box_iou(*map(torch.from_numpy, (boxes_to_image(boxes, case.size, rules).astype(float), case.boxes)))
            images, apart = images + 1, apart + (pixels != (edges.max().item() >= 0.5))
    assert apart < images / 10
    agreement.add('GT-known Loc and CorLoc of the same boxes, in percent', images, 100 * apart / images)


@pytest.mark.parametrize('ties', [False, True])
def test_classes(agreement, ties):
    """Without ties all agree; of equal scores the first class counts here, the last in scikit-learn."""
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, (CASES, CLASSES)) if ties else rng.random((CASES, CLASSES))
    scores, labels = scores.astype(np.float32), rng.integers(0, CLASSES, CASES)
    cases = next(groups(1, 1, 0)).cases
    metric = LocAccuracy('tscam')
    for number, (score, label) in enumerate(zip(scores, labels.tolist(), strict=True)):
        metric.process({}, [replace(cases[0], scores=score, label=label).sample(number)])
    numbers = metric.evaluate(CASES)
    other = Accuracy(topk=(1, 5))
    samples = [
        dict(pred_score=torch.from_numpy(score), gt_label=torch.tensor([int(label)]))
        for score, label in zip(scores, labels, strict=True)
    ]
    other.process(None, samples)
    others = other.evaluate(CASES)
    what = 'with ties' if ties else 'without ties'
    for k in (1, 5):
        ours = numbers[f'tscam/cls_top{k}']
        theirs = 100 * top_k_accuracy_score(labels, scores, k=k, labels=range(CLASSES))
        for name, value in (('mmpretrain', others[f'accuracy/top{k}']), ('scikit-learn', theirs)):
            assert ties or abs(ours - value) < 1e-4
            agreement.add(f'`cls_top{k}` and {name}, {what}', CASES, abs(ours - value))


def test_overlaps(agreement):
    """Inclusive pixels, which the others count as real edges or as the pixels of a mask."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 60, (CASES, 2, 2, 2)).cumsum(axis=2) + rng.integers(0, 3, (CASES, 2, 1, 1))
    for one, other in corners.reshape(CASES, 2, 4):
        ours = [float(share.item()) for share in box_overlaps(one, other)]
        edges = [with_pixels(box) for box in (one, other)]
        across, down = (
            max(min(a + size, b + more) - max(a, b), 0)
            for a, size, b, more in zip(edges[0][:2], edges[0][2:], edges[1][:2], edges[1][2:], strict=True)
        )
        shared, own, true = int(across * down), *(int(edge[2] * edge[3]) for edge in edges)
        exact = [Fraction(shared, whole) for whole in (own + true - shared, true, own)]
        difference = max(abs(Fraction(value) - share) for value, share in zip(ours, exact, strict=True))
        agreement.add('IoU, IoG and IoB of boxes and fractions', 1, difference)
        real = [torch.tensor([[x, y, x + w, y + h]]) for x, y, w, h in edges]
        masks = np.zeros((200, 200, 2), np.uint8, order='F')
        for place, (x1, y1, x2, y2) in enumerate((one, other)):
            masks[y1 : y2 + 1, x1 : x2 + 1, place] = 1
        encoded = [coco_mask.encode(masks[..., place : place + 1].copy(order='F')) for place in range(2)]
        others = {
            'torchvision, float32': box_iou(*(box.float() for box in real)).item(),
            'torchvision, float64': box_iou(*(box.double() for box in real)).item(),
            'pycocotools, boxes': coco_mask.iou(*(np.array([edge]) for edge in edges), [0]).item(),
            'pycocotools, masks': coco_mask.iou(*encoded, [0]).item(),
        }
        for name, value in others.items():
            assert value == pytest.approx(ours[0], abs=1e-7 if name.endswith('32') else 1e-15)
            agreement.add(f'IoU of boxes and {name}', 1, abs(value - ours[0]))


def test_pxap_of_torchmetrics(agreement):
    need('torchmetrics', 'torchmetrics==1.9.0')
    from torchmetrics.functional.classification import binary_average_precision

    grid = np.arange(0, 1, 0.001)
    for group in groups(CASES // SIZE // 10, SIZE, 500):
        metric = PixelAP(group.rules)
        metric.process({}, [case.sample(number) for number, case in enumerate(group.cases)])
        metric.evaluate(len(group.cases))
        number = metric.result.numbers[0].value
        scores, truth = plain_scores.pixels(group)
        bins = np.searchsorted([*grid, 1.0], scores, side='right') / 1001
        target = torch.from_numpy(truth).long()
        for name, values, thresholds, most in (
            ('of scores in 1001 bins', bins, None, 1e-4),
            ('of the scores, at the same thresholds', scores, torch.tensor([*grid, 1.0]), 1e-4),
            ('of the scores, `thresholds=1000`', scores, 1000, 100),
            ('of the scores', scores, None, 100),
        ):
            value = 100 * binary_average_precision(torch.from_numpy(values), target, thresholds).item()
            assert abs(number - value) < most
            agreement.add(f'`PixelAP` and torchmetrics, {name}', len(group.cases), abs(number - value))
