"""Stored maps through ``evaluate_maps.py`` and through the WSOL benchmark's own evaluator.

``MMTSCAM_WSOL_EVALUATION`` names a checkout of https://github.com/clovaai/wsolevaluation.
``pytest tests/weekly/test_agreement_benchmark.py -s`` prints the table.
"""

import json
import os

import cv2
import numpy as np
import pytest
import torch
from tool_runs import run_tool
from weekly.agreement.benchmark import (
    LEVELS,
    as_the_benchmark_normalizes,
    box_rows,
    correct_images,
    pxap,
    read_map,
    write_map,
    write_metadata,
)
from weekly.agreement.maps import groups

from mmtscam.datasets import make_sample_set
from mmtscam.evaluation.stored_maps import MapFile
from mmtscam.localization import PROTOCOLS, normalize_map

pytest_plugins = ['weekly.agreement.fixtures']

CASES = max(8, int(os.environ.get('MMTSCAM_AGREEMENT_CASES', '10000')) // 50)
V1, V2 = 'wsol-v1', 'wsol-v2'
LEVEL_OPTIONS = ['--protocol-options', 'iou_levels=[0.3,0.5,0.7]']


def evaluate_maps(folder, *words):
    """Run the tool; return its results by protocol and metric."""
    run_tool(folder, 'analysis/evaluate_maps.py', *words, '--out-dir', folder / 'report', '--num-workers', '0')
    results = json.loads((folder / 'report' / 'report.json').read_text())['results']
    return {(result['name'], result['metric']): result for result in results}


def counts_and_best(result):
    """Images that are right at each IoU level and threshold, and the best in percent."""
    curve = result['curves']['accuracy_over_threshold']
    counts = np.array([curve[f'gt_known_iou{level}'] for level in LEVELS]) * result['with_object'] / 100
    numbers = {number['name']: number['value'] for number in result['numbers']}
    return np.round(counts).astype(int), [numbers[f'maxboxacc_iou{level}'] for level in LEVELS]


def compare(agreement, benchmark, metadata, results, maps, what):
    """Hold the results of both protocols to the benchmark's."""
    images = results[V1, 'MaxBoxAcc']['images']
    for name in (V1, V2):
        counts, best = counts_and_best(results[name, 'MaxBoxAcc'])
        expected, expected_best = correct_images(benchmark, metadata, maps(), several_contours=name == V2)
        assert counts.max() > 0 and (counts != counts[:, :1]).any()
        assert np.array_equal(counts, expected), np.argwhere(counts != expected)[:5]
        difference = np.abs(np.array(best) - expected_best).max()
        assert difference < 1e-9
        agreement.add(f'`{name}`, IoU 30, 50 and 70, and the benchmark: images right, {what}', images, 0)
        agreement.add(f'`{name}`, IoU 30, 50 and 70, and the benchmark: MaxBoxAcc, {what}', images, difference)


def random_images(seed, count=CASES):
    """Maps of many kinds, of 28 x 28 or less, with true boxes of whole pixels."""
    some = groups(-(-count // 20), 20, seed, frames=[(28, 28)])
    cases = [case for group in some for case in group.cases][:count]
    rng = np.random.default_rng(seed)
    for case in cases:
        case.size = tuple(rng.integers(30, 500, 2).tolist())
        corners = np.sort(rng.integers(0, np.array(case.size), (int(rng.integers(1, 4)), 2, 2)), axis=1)
        case.boxes = corners.reshape(-1, 4)
    return cases


def framed(score_map, place):
    """A map of 224 x 224 in [0, 1], which need not take 1, in single or double precision."""
    score_map = normalize_map(score_map, PROTOCOLS[V1]).astype([np.float32, np.float64][place % 2])
    return score_map * score_map.dtype.type(1 if place % 3 else 0.7)


@pytest.fixture
def folder_of_maps(tmp_path):
    """Random maps of 224 x 224 in single and double precision, and the split's metadata."""
    cases = random_images(0)
    ids = [f'test/c{place % 3}/{place}.jpg' for place in range(len(cases))]
    for place, (name, case) in enumerate(zip(ids, cases, strict=True)):
        write_map(tmp_path / 'maps', name, framed(case.score_map, place))
    sizes, boxes = [case.size for case in cases], [case.boxes for case in cases]
    write_metadata(tmp_path / 'metadata' / 'CUB' / 'test', ids, sizes, box_rows(ids, boxes))
    return tmp_path, ids


def test_random_maps_as_they_stand(agreement, benchmark, folder_of_maps):
    root, ids = folder_of_maps
    metadata = root / 'metadata' / 'CUB' / 'test'
    results = evaluate_maps(root, root / 'maps', '--metadata', metadata, '--protocol', V1, V2, *LEVEL_OPTIONS)
    stored = [(name, read_map(root / 'maps', name)) for name in ids]
    compare(agreement, benchmark, metadata, results, lambda: stored, 'random maps as they stand')


def test_the_whole_command_of_the_benchmark(agreement, benchmark, folder_of_maps):
    """MaxBoxAccV2 as its ``evaluate_wsol`` gives it, which reads the folder itself."""
    root, ids = folder_of_maps
    ids = ids[1::2]  # its loader takes one precision alone
    half = root / 'half' / 'CUB' / 'test'
    half.mkdir(parents=True)
    for path in (root / 'metadata' / 'CUB' / 'test').iterdir():
        rows = [row for row in path.read_text().split() if row.split(',')[0] in ids]
        (half / path.name).write_text('\n'.join(rows) + '\n')
    number = benchmark.evaluation.evaluate_wsol(
        scoremap_root=str(root / 'maps'),
        metadata_root=str(root / 'half'),
        mask_root='',
        dataset_name='CUB',
        split='test',
        multi_contour_eval=True,
        multi_iou_eval=True,
        iou_threshold_list=list(LEVELS),
    )
    result = evaluate_maps(root, root / 'maps', '--metadata', half)[V2, 'MaxBoxAcc']
    ours = next(each['value'] for each in result['numbers'] if each['name'] == 'maxboxacc')
    assert abs(ours - number) < 1e-9
    agreement.add('`wsol-v2` and the benchmark: MaxBoxAccV2 of `evaluate_wsol`', len(ids), abs(ours - number))


def test_maps_at_token_resolution(agreement, benchmark, tmp_path):
    """``--normalize`` in the maps' single precision against the benchmark's double."""
    cases = random_images(1)
    ids = [f'{place}.jpg' for place in range(len(cases))]
    for name, case in zip(ids, cases, strict=True):
        write_map(tmp_path / 'maps', name, case.score_map.astype(np.float32))
    metadata = tmp_path / 'metadata'
    write_metadata(metadata, ids, [case.size for case in cases], box_rows(ids, [case.boxes for case in cases]))
    words = ['--metadata', metadata, '--normalize', '--protocol', V1, V2, *LEVEL_OPTIONS]
    results = evaluate_maps(tmp_path, tmp_path / 'maps', *words)
    maps = [(name, as_the_benchmark_normalizes(benchmark, read_map(tmp_path / 'maps', name))) for name in ids]
    for name in (V1, V2):
        counts, _ = counts_and_best(results[name, 'MaxBoxAcc'])
        expected, _ = correct_images(benchmark, metadata, maps, several_contours=name == V2)
        # A grey level that rounding moves may move a box; one image in a thousand is far above that.
        difference = np.abs(counts - expected).max()
        assert difference <= max(1, len(ids) // 1000)
        agreement.add(f'`{name}` and the benchmark: images right, maps normalised by each', len(ids), difference)
    moved = []
    for case, (_, score_map) in zip(cases, maps, strict=True):
        tokens = case.score_map.astype(np.float32)
        levels = (normalize_map(tokens, PROTOCOLS[V1]) * 255).astype(int) - (score_map * 255).astype(int)
        moved.append(np.abs(levels))
        # A few roundings of the largest value, spread to the whole range; and one level at a border of two.
        rounding = np.finfo(np.float32).eps * np.abs(tokens).max() / (np.ptp(tokens) or np.inf)
        assert moved[-1].max() <= 1 + 255 * 8 * rounding
    agreement.add(
        '`wsol-v1` and the benchmark: share of pixels whose grey level differs', len(ids), np.mean(np.array(moved) > 0)
    )


def test_pxap(agreement, benchmark, tmp_path):
    """Masks of several objects and an ignored region, at sizes of their own."""
    rng = np.random.default_rng(2)
    cases = random_images(2, 5 * CASES)
    ids, rows, mask_root = [], [], tmp_path / 'masks'
    for place, case in enumerate(cases):
        name = f'test/{place}.jpg'
        ids.append(name)
        shape = tuple(rng.integers(20, 500, 2).tolist())
        write_map(tmp_path / 'maps', name, framed(case.score_map, place))
        for number in range(int(rng.integers(1, 4)) + 1):
            mask = np.zeros(shape, np.uint8)
            (y1, y2), (x1, x2) = (np.sort(rng.integers(0, side + 1, 2)).tolist() for side in shape)
            mask[y1:y2, x1:x2] = rng.choice([1, 255])
            path = mask_root / f'{place}_{number or "ignore"}.png'
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), mask)
            if number:
                rows.append(f'{name},{path.name},{f"{place}_ignore.png" if number == 1 else ""}')
    metadata = tmp_path / 'metadata'
    write_metadata(metadata, ids, [case.size for case in cases], rows)
    words = ['--metadata', metadata, '--mask-root', mask_root]
    result = evaluate_maps(tmp_path, tmp_path / 'maps', *words)[V2, 'PixelAP']
    expected = pxap(benchmark, metadata, mask_root, ((name, read_map(tmp_path / 'maps', name)) for name in ids))
    difference = abs(result['numbers'][0]['value'] - expected)
    assert 0 < expected < 100 and difference < 1e-9
    agreement.add('`PixelAP` and the benchmark, random maps as they stand', len(ids), difference)


def test_maps_that_a_test_saves(agreement, benchmark, tiny_config, checkpoint, tmp_path):
    """From a model's test to both evaluators, which get to [0, 1] on their own ways."""
    config = tmp_path / 'tiny.py'
    root = make_sample_set(tmp_path / 'set', per_class=(1, max(2, CASES // 8)))
    tiny_config.test_dataloader.dataset.dataset.data_root = str(root)
    tiny_config.pop('experiment_name')
    tiny_config.dump(config)
    run_tool(tmp_path, 'test.py', config, checkpoint, '--save-maps', tmp_path / 'maps.npz')
    samples = list(MapFile(tmp_path / 'maps.npz'))
    ids = [f'{place}.jpg' for place in range(len(samples))]
    maps, sizes, boxes = [], [], []
    for name, sample in zip(ids, samples, strict=True):
        drawn = sample['class_maps']
        place = torch.as_tensor(drawn['labels']).tolist().index(int(sample['gt_label']))
        maps.append((name, as_the_benchmark_normalizes(benchmark, np.asarray(drawn['maps'][place]))))
        sizes.append(sample['ori_shape'][1::-1])
        boxes.append(sample['gt_instances']['bboxes'])
    write_metadata(tmp_path / 'metadata', ids, sizes, box_rows(ids, boxes))
    results = evaluate_maps(tmp_path, tmp_path / 'maps.npz', '--protocol', V1, V2, *LEVEL_OPTIONS)
    compare(agreement, benchmark, tmp_path / 'metadata', results, lambda: maps, "a model's maps")


def test_a_map_of_another_size_is_refused_here_alone(benchmark, folder_of_maps):
    """The benchmark compares boxes of 112 x 112 pixels with true ones in 224 x 224."""
    root, ids = folder_of_maps
    score_map = np.zeros((112, 112))
    score_map[10:50, 20:60] = 1
    write_map(root / 'maps', ids[0], score_map)
    metadata = root / 'metadata' / 'CUB' / 'test'
    correct_images(benchmark, metadata, [(ids[0], score_map)], several_contours=False)
    printed = run_tool(root, 'analysis/evaluate_maps.py', root / 'maps', '--metadata', metadata, code=1)
    assert 'cannot be scored as it stands' in printed


def test_what_is_no_score_map_is_refused_by_both(benchmark, folder_of_maps):
    root, ids = folder_of_maps
    metadata = root / 'metadata' / 'CUB' / 'test'
    for value in (np.nan, 1.5, -0.5):
        score_map = np.zeros((224, 224))
        score_map[3, 4] = value
        write_map(root / 'maps', ids[0], score_map)
        with pytest.raises(ValueError, match='Scoremap must'):
            correct_images(benchmark, metadata, [(ids[0], score_map)], several_contours=False)
        printed = run_tool(root, 'analysis/evaluate_maps.py', root / 'maps', '--metadata', metadata, code=1)
        assert f'\n{ids[0]}: a map of shape (224, 224) with values from ' in f'\n{printed}'
