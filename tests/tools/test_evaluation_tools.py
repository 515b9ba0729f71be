"""Thresholds from a validation split, saved maps and their evaluation, as a user runs them."""

import csv
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from mmtscam.datasets.coco import COCOOutput
from mmtscam.datasets.true_boxes import write_true_boxes
from mmtscam.registry import DATASETS
from mmtscam.utils.files import file_sha256

TRAIN_AS_VAL = ('--cfg-options', 'val_dataloader.dataset.dataset.split=train')


@pytest.fixture
def checkpoint(tool_config, tmp_path):
    """A tiny model, its config beside it."""
    tool_config.dump(tmp_path / 'tiny.py')
    model = Runner.from_cfg(Config({**tool_config, 'experiment_name': tmp_path.name})).model
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    return tmp_path / 'model.pth'


def _numbers(folder):
    report = json.loads((folder / 'report.json').read_text())
    return {(result['name'], number['key']): number for result in report['results'] for number in result['numbers']}


@pytest.mark.slow
def test_thresholds_maps_and_reports(checkpoint, tmp_path, serve):
    config = tmp_path / 'tiny.py'
    common = (config, checkpoint, '--work-dir', tmp_path / 'run')
    chosen = serve(
        'python', 'tools/analysis/choose_threshold.py', *common, '--out', tmp_path / 'thresholds.json', *TRAIN_AS_VAL
    ).stdout
    assert 'Thresholds chosen on 24 images, 24 with a true box' in chosen
    choices = {
        (choice['protocol']['name'], choice['asked_kind']): choice
        for choice in json.loads((tmp_path / 'thresholds.json').read_text())['thresholds']
    }
    assert set(choices) == {('tscam', 'maps'), ('tscam', 'attention'), ('tscam', 'semantic'), ('wsol-v2', 'maps')}
    assert choices['tscam', 'maps']['map_kind'] == 'coupled'

    printed = serve(
        'python', 'tools/test.py', *common, '--thresholds', tmp_path / 'thresholds.json',
        '--report-dir', tmp_path / 'val', '--save-maps', tmp_path / 'maps.npz',
    ).stdout  # fmt: skip
    assert 'Outcomes of the Top-1 prediction' in printed
    numbers = _numbers(tmp_path / 'val')
    for map_kind, name in (('maps', 'tscam'), ('attention', 'tscam-attention'), ('semantic', 'tscam-semantic')):
        number = numbers[name, 'gt_known_val']
        assert (number['source'], number['threshold']) == ('val', choices['tscam', map_kind]['threshold'])
        assert (name, 'gt_known') not in numbers
    assert numbers['wsol-v2', 'maxboxacc_iou50_oracle']['source'] == 'oracle'
    assert numbers['wsol-v2', 'boxacc_iou50_val']['threshold'] == choices['wsol-v2', 'maps']['level_thresholds'][1]
    report = json.loads((tmp_path / 'val' / 'report.json').read_text())
    assert len(report['origin']['checkpoint_sha256']) == len(report['origin']['config_sha256']) == 64
    with (tmp_path / 'val' / 'tscam.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    assert rows[0]['true_class'] == 'Crested_Zeb'
    counted = sum(float(row['iou']) >= 0.5 for row in rows)
    assert counted == numbers['tscam', 'gt_known_val']['count']

    # The same from the saved maps alone, by the same thresholds.
    serve(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--protocol', 'tscam', 'wsol-v2',
        '--thresholds', tmp_path / 'thresholds.json', '--out-dir', tmp_path / 'offline',
    )  # fmt: skip
    offline = _numbers(tmp_path / 'offline')
    shared = set(offline) & set(numbers)
    assert {('tscam', 'loc_top1_val'), ('tscam', 'cls_top5'), ('wsol-v2', 'boxacc_val')} <= shared
    assert all(offline[key] == numbers[key] for key in shared)
    assert (tmp_path / 'offline' / 'tscam.csv').read_text() == (tmp_path / 'val' / 'tscam.csv').read_text()

    # The same again by the metrics of the config.
    serve(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--config', config,
        '--thresholds', tmp_path / 'thresholds.json', '--out-dir', tmp_path / 'config',
    )  # fmt: skip
    assert _numbers(tmp_path / 'config') == numbers

    # The protocol's own threshold, where the options set it.
    serve(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--protocol', 'wsol-v1',
        '--protocol-options', 'threshold=0.3', '--out-dir', tmp_path / 'options',
    )  # fmt: skip
    number = _numbers(tmp_path / 'options')['wsol-v1', 'gt_known']
    assert (number['threshold'], number['source']) == (0.3, 'fixed')

    # The images on which thresholds were chosen are not scored with them, whoever asks.
    serve(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--protocol', 'tscam',
        '--write-thresholds', tmp_path / 'own.json',
    )  # fmt: skip
    refused = serve(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--protocol', 'tscam',
        '--thresholds', tmp_path / 'own.json', code=1,
    ).stdout  # fmt: skip
    assert 'its thresholds would be an oracle' in refused
    refused = serve(
        'python', 'tools/test.py', *common, '--thresholds', tmp_path / 'thresholds.json',
        '--cfg-options', 'test_dataloader.dataset.dataset.split=train', code=1,
    ).stdout  # fmt: skip
    assert 'Crested_Zeb_0001.jpg: ' in refused and 'its thresholds would be an oracle' in refused
    refused = serve('python', 'tools/test.py', *common, '--thresholds', tmp_path / 'none.json', code=1).stdout
    assert refused.splitlines()[-1].endswith(
        'none.json: threshold file not found; tools/analysis/choose_threshold.py writes one'
    )


@pytest.mark.slow
def test_thresholds_of_another_checkpoint_and_other_views(checkpoint, tmp_path, serve):
    thresholds, other, maps = (tmp_path / name for name in ('thresholds.json', 'other.pth', 'maps.npz'))
    common = ('--work-dir', tmp_path / 'run')
    serve(
        'python', 'tools/analysis/choose_threshold.py', tmp_path / 'tiny.py', checkpoint, *common,
        '--out', thresholds, *TRAIN_AS_VAL,
    )  # fmt: skip
    torch.save({**torch.load(checkpoint), 'meta': {'epoch': 3}}, other)
    tested = serve(
        'python', 'tools/test.py', tmp_path / 'tiny.py', other, *common, '--thresholds', thresholds, '--tta',
        '--save-maps', maps,
    ).stdout  # fmt: skip
    rescored = serve('python', 'tools/analysis/evaluate_maps.py', maps, '--thresholds', thresholds).stdout
    for printed in (tested, rescored):
        lines = [line for line in printed.splitlines() if f'{thresholds}: its thresholds were chosen ' in line]
        assert len(lines) == 2
        assert f"with another checkpoint ('{checkpoint}', SHA-256 '{file_sha256(checkpoint)[:12]}') than" in lines[0]
        assert f"('{other}', SHA-256 '{file_sha256(other)[:12]}')" in lines[0]
        assert 'on maps of other views (one view) than these (sizes ' in lines[1]


def test_a_data_set_with_masks_alone(tool_config, tmp_path, run_here):
    """Masks that fill the boxes of the sample set."""
    dataset = tool_config.test_dataloader.dataset
    for info in DATASETS.build(dict(dataset, pipeline=[])):
        x1, y1, x2, y2 = map(int, info['instances'][0]['bbox'])
        mask = np.zeros(Image.open(info['img_path']).size[::-1], np.uint8)
        mask[y1:y2, x1:x2] = 255
        path = tmp_path / 'masks' / info['image_id'].replace('images/', '').replace('.jpg', '.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    tool_config.dump(tmp_path / 'boxes.py')
    masks = dict(type='MaskImages', mask_dir=str(tmp_path / 'masks'))
    dataset.boxes = dict(type='MaskBoxes', masks=masks)
    tool_config.dump(tmp_path / 'masks.py')
    printed = [
        run_here('python', 'tools/analysis/constant_box.py', tmp_path / f'{name}.py').stdout
        for name in ('boxes', 'masks')
    ]
    assert printed[0] == printed[1]
    assert '16 images, 16 with a true box' in printed[1]


@pytest.fixture
def bare_config(tool_config, sample_set, tmp_path):
    """The tiny config with boxes of a COCO file; the two images of the first class show no object there."""
    dataset = tool_config.test_dataloader.dataset
    write_true_boxes(DATASETS.build(dict(dataset, pipeline=[])), COCOOutput(tmp_path / 'true.json'))
    content = json.loads((tmp_path / 'true.json').read_text())
    content['annotations'] = [each for each in content['annotations'] if each['category_id'] != 1]
    del content['categories'][0]
    (tmp_path / 'true.json').write_text(json.dumps(content))
    for loader in (tool_config.val_dataloader, tool_config.test_dataloader):
        loader.dataset.boxes = dict(type='COCOBoxes', ann_file=str(tmp_path / 'true.json'))
    tool_config.dump(tmp_path / 'bare.py')
    return tmp_path / 'bare.py'


@pytest.mark.slow
def test_images_without_an_object(bare_config, checkpoint, tmp_path, serve, run_here):
    printed = serve(
        'python', 'tools/test.py', bare_config, checkpoint, '--work-dir', tmp_path / 'run',
        '--report-dir', tmp_path / 'out', '--save-maps', tmp_path / 'maps.npz', '--show-dir', tmp_path / 'pictures',
    ).stdout  # fmt: skip
    assert 'Localization: 16 images, 14 with a true box' in printed
    numbers = _numbers(tmp_path / 'out')
    assert {numbers['tscam', name]['images'] for name in ('cls_top1', 'cls_top5')} == {16}
    assert {numbers['tscam', name]['images'] for name in ('loc_top1', 'gt_known')} == {14}
    assert (
        sum(number['value'] for (name, key), number in numbers.items() if (name, key[:7]) == ('tscam', 'outcome')) == 14
    )
    with (tmp_path / 'out' / 'tscam.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['iou'] == '' for row in rows] == [True] * 2 + [False] * 14
    assert len(list((tmp_path / 'pictures').iterdir())) == 16

    run_here(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'maps.npz', '--config', bare_config,
        '--out-dir', tmp_path / 'offline',
    )  # fmt: skip
    assert _numbers(tmp_path / 'offline') == numbers
    run_here('python', 'tools/analysis/report.py', tmp_path / 'out', '--maps', tmp_path / 'maps.npz')
    printed = run_here('python', 'tools/analysis/constant_box.py', bare_config).stdout
    assert 'GT-known Loc under tscam, 16 images, 14 with a true box:' in printed


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_nothing_to_score_is_told_before_the_run(bare_config, checkpoint, tmp_path, run_here, tool):
    content = json.loads((tmp_path / 'true.json').read_text())
    content['annotations'] = []
    (tmp_path / 'true.json').write_text(json.dumps(content))
    words = ['tools/test.py', bare_config, checkpoint] if tool == 'test' else ['tools/train.py', bare_config]
    printed = run_here('python', *words, '--work-dir', tmp_path / 'run', code=1).stdout
    assert printed.splitlines()[-1].startswith(
        'LocAccuracy (tscam): none of the 16 images of the data set has a true box: give boxes of some images'
    )
    assert 'Epoch(' not in printed


@pytest.mark.slow
def test_a_folder_of_score_maps_in_the_benchmarks_layout(golden_eval, tmp_path, run_here):
    rng = np.random.default_rng(0)
    metadata, maps = tmp_path / 'metadata', tmp_path / 'maps'
    metadata.mkdir()
    rows = {name: [] for name in ('image_ids', 'class_labels', 'image_sizes', 'localization')}
    for index in range(6):
        image_id = f'test/{index % 2}/{index}.jpg'
        (maps / image_id).parent.mkdir(parents=True, exist_ok=True)
        score_map = np.zeros((224, 224), np.float32)
        score_map[20:121, 40:181] = rng.uniform(0.4, 1, (101, 141))
        np.save(maps / f'{image_id}.npy', score_map)
        rows['image_ids'].append(image_id)
        rows['class_labels'].append(f'{image_id},{index % 2}')
        rows['image_sizes'].append(f'{image_id},448,224')
        rows['localization'].append(f'{image_id},80,20,360,120')
        rows['localization'].append(f'{image_id},0,0,9,9')
    for name, lines in rows.items():
        (metadata / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    command = ('python', 'tools/analysis/evaluate_maps.py', maps, '--metadata', metadata)
    printed = run_here(
        *command, '--protocol', 'wsol-v1', 'wsol-v2', '--threshold', '0.2', '--out-dir', tmp_path / 'out'
    ).stdout
    numbers = _numbers(tmp_path / 'out')
    for name in ('wsol-v1', 'wsol-v2'):
        assert numbers[name, 'maxboxacc_oracle']['value'] == 100.0
    assert numbers['wsol-v1', 'gt_known']['value'] == 100.0
    assert 'oracle' in printed and 'fixed' in printed
    assert not any('cls' in key or 'outcome' in key for _, key in numbers)

    np.save(maps / 'test' / '0' / '4.jpg.npy', np.ones((14, 14)))
    assert 'cannot be scored as it stands' in run_here(*command, code=1).stdout
    options = ('--protocol-options', 'iou_levels=[0.3,0.5]', 'regions=all_contours')
    printed = run_here(*command, '--protocol', 'wsol-v1', '--normalize', *options).stdout
    assert 'wsol-v1-derived' in printed and 'maxboxacc_iou30' in printed
    (maps / 'test' / '1' / '3.jpg.npy').unlink()
    assert '3.jpg.npy: score map not found' in run_here(*command, code=1).stdout
    assert 'needs --metadata' in run_here(*command[:3], code=1).stdout


@pytest.mark.parametrize(
    'words',
    [
        ('--protocol', 'tscam'),
        ('--map-kind', 'maps'),
        ('--protocol-options', 'regions=component'),
        ('--num-workers', '0'),
        ('--normalize',),
    ],
)
def test_flags_that_a_config_decides(run_here, words):
    command = ('python', 'tools/analysis/evaluate_maps.py', 'maps.npz', '--config', 'a.py', *words)
    refused = run_here(*command, code=2).stdout
    assert refused.splitlines()[-1].endswith(f'error: {words[0]}: not with --config, whose test_evaluator sets it')


def test_a_config_scores_no_folder(run_here, tmp_path):
    refused = run_here('python', 'tools/analysis/evaluate_maps.py', tmp_path, '--config', 'a.py', code=2).stdout
    assert f'error: --config: {tmp_path} is a folder' in refused


@pytest.mark.parametrize('text', ['', 'model = 3', "model = dict(type='A')", 'model = dict(backbone=3)'])
def test_sizes_of_a_config_without_a_model(tmp_path, run_here, text):
    (tmp_path / 'a.py').write_text(text)
    refused = run_here('python', 'tools/analysis/get_flops.py', tmp_path / 'a.py', code=1).stdout
    assert refused == f'{tmp_path}/a.py: no model to count: model must be a dict with a dict backbone\n'


def test_a_threshold_is_not_chosen_on_the_test_images(checkpoint, tmp_path, run_here):
    refused = run_here(
        'python', 'tools/analysis/choose_threshold.py', tmp_path / 'tiny.py', checkpoint, '--out', tmp_path / 't.json',
        code=1,
    ).stdout  # fmt: skip
    assert 'shares 16 of its 16 images with the test split' in refused
    assert not (tmp_path / 't.json').exists()


@pytest.mark.slow
def test_benchmark(serve):
    printed = serve('python', 'tools/analysis/benchmark_evaluation.py', '--images', '2', '--repeats', '1').stdout
    assert 'same counts' in printed
    printed = serve('python', 'tools/analysis/benchmark_evaluation.py', '--scale', '500', '--workers', '0').stdout
    assert 'PixelAP' in printed


def test_images_without_an_entry_in_the_scored_file_are_counted(run_here, tmp_path):
    box = dict(image_id=0, category_id=1, bbox=[0, 0, 10, 10])
    images = [dict(id=index, file_name=f'{index}.jpg', width=20, height=20) for index in range(3)]
    content = dict(images=images, categories=[dict(id=1, name='cat')])
    boxes, truth = tmp_path / 'boxes.json', tmp_path / 'truth.json'
    truth.write_text(
        json.dumps(dict(content, annotations=[dict(box, id=1 + index, image_id=index) for index in (0, 1)]))
    )
    for listed in (1, 3):
        boxes.write_text(json.dumps(dict(content, images=images[:listed], annotations=[dict(box, id=1, score=0.5)])))
        printed = run_here('python', 'tools/analysis/evaluate_boxes.py', boxes, truth).stdout
        assert 'CorLoc 50.0\n3 images, 2 with a true box\n' in printed
        line = f'2 images of {truth} have no entry in images of {boxes} and count as without a box'
        assert (line in printed) == (listed == 1)
    boxes.write_text(json.dumps(dict(content, images=[dict(images[0], width=40)], annotations=[box])))
    printed = run_here('python', 'tools/analysis/evaluate_boxes.py', boxes, truth, code=1).stdout
    assert printed.startswith(f"{boxes}: image '0.jpg' has 40x20 pixels there and 20x20 in {truth}: scale the boxes ")
