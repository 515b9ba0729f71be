import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmtscam.datasets import WSOLBenchmark, WSOLDataset
from mmtscam.evaluation import (
    BaseLocMetric,
    LocAccuracy,
    MaxBoxAcc,
    Number,
    check_disjoint,
    evaluate_maps,
    save_thresholds,
    set_threshold,
    set_threshold_file,
    sweeps_for,
    threshold_sweeps,
)
from mmtscam.evaluation.stored_maps import MapFile, MapPart, ScoreMapFolder, merge_parts
from mmtscam.localization import get_protocol
from mmtscam.registry import METRICS
from mmtscam.structures import MapKind

BOXES = ((0, 0, 60, 60), (0, 0, 120, 120), (0, 0, 200, 200))


def _sample(index, box=(0, 0, 60, 60)):
    score_map = np.zeros((1, 224, 224), np.float32)
    score_map[0, box[1] : box[3], box[0] : box[2]] = 1
    return dict(
        img_id=index,
        img_path=f'set/test/{index}.jpg',
        gt_label=1,
        gt_rank=0,
        pred_label=1,
        ori_shape=(224, 224),
        gt_instances=dict(bboxes=np.array([[0.0, 0.0, 60.0, 60.0]])),
        class_maps=dict(
            labels=np.array([1]),
            maps=score_map,
            coupled=score_map,
            threshold=0.5,
            map_kind='coupled',
            map_kinds=(MapKind('coupled', 'coupled map'),),
        ),
    )


@pytest.fixture
def maps(tmp_path):
    """Three images, of which the first is right at any IoU level and the second at a low one."""
    part = MapPart(tmp_path / 'part')
    for index, box in enumerate(BOXES):
        part.add(_sample(index, box))
    part.close()
    merge_parts([tmp_path / 'part'], tmp_path / 'maps.npz', size=3, classes=['ant', 'bee'])
    return MapFile(tmp_path / 'maps.npz')


def test_a_result_of_each_metric(maps):
    protocol = dict(base='tscam', iou_levels=[0.2])
    low, high = evaluate_maps(maps, [LocAccuracy(protocol), MaxBoxAcc('tscam', step=0.1, prefix='swept')])
    assert (low.name, low.metric, low.images) == ('tscam', 'LocAccuracy', 3)
    assert low.scalars()['gt_known'] == pytest.approx(200 / 3)
    assert (high.name, high.metric, high.images) == ('swept', 'MaxBoxAcc', 3)
    assert high.scalars() == {'maxboxacc_oracle': pytest.approx(100 / 3)}
    assert [row['img_path'] for row in low.rows] == ['set/test/0.jpg', 'set/test/1.jpg', 'set/test/2.jpg']
    assert {row['true_class'] for row in low.rows} == {'bee'}


def test_no_class_scores_in_a_folder(maps, tmp_path):
    (tmp_path / 'metadata').mkdir()
    for name, row in dict(image_ids='{}', class_labels='{},1', image_sizes='{},224,224').items():
        lines = [row.format(f'{index}.jpg') for index in range(3)]
        (tmp_path / 'metadata' / f'{name}.txt').write_text('\n'.join(lines))
    (tmp_path / 'metadata' / 'localization.txt').write_text('\n'.join(f'{i}.jpg,0,0,60,60' for i in range(3)))
    for index, sample in enumerate(maps):
        np.save(tmp_path / f'{index}.jpg.npy', sample['class_maps']['maps'][0])
    dataset = WSOLDataset(
        dict(type='WSOLBenchmark', data_root=str(tmp_path), metadata='metadata', serialize_data=False),
        boxes=dict(type='BenchmarkBoxes', metadata='metadata'),
        test_mode=True,
        serialize_data=False,
    )
    metrics = [LocAccuracy('tscam', 0.5), MaxBoxAcc(dict(base='tscam', normalize=False), step=0.1)]
    results = evaluate_maps(ScoreMapFolder(tmp_path, dataset), metrics)
    assert [result.scalars() for result in results] == [
        {'gt_known': pytest.approx(100 / 3)},
        {'maxboxacc_oracle': pytest.approx(100 / 3)},
    ]


def test_a_map_that_cannot_be_scored(maps, capsys):
    said = r"^set/test/0.jpg: has no maps of the kind 'attention'; there are coupled"
    with pytest.raises(ValueError, match=said) as error:
        evaluate_maps(maps, [MaxBoxAcc(map_kind='attention')])
    # The bar has ended, though the error still holds what was at work.
    assert error and 'Scoring maps' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('evaluator', 'expected'),
    [
        (dict(type='LocAccuracy'), [('tscam', 'maps')]),
        (dict(type='MaxBoxAcc'), [('wsol-v2', 'maps')]),
        (dict(type='Evaluator', metrics=[dict(type=MaxBoxAcc)]), [('wsol-v2', 'maps')]),
        (dict(type='mmtscam.LocAccuracy', protocol='wsol-v1'), [('wsol-v1', 'maps')]),
        ([dict(type='LocAccuracy'), dict(type='MaxBoxAcc', protocol='tscam')], [('tscam', 'maps')]),
        ([dict(type='LocAccuracy', protocol=dict(base='tscam', threshold=t)) for t in (0.1, 0.2)], [('tscam', 'maps')]),
        (
            [dict(type='PixelAP'), dict(type='LocAccuracy', map_kind='attention'), dict(type='LocAccuracy')],
            [('tscam', 'attention'), ('tscam', 'maps')],
        ),
        (
            [dict(type='MaxBoxAcc'), dict(type='MaxBoxAcc', protocol=dict(base='wsol-v2', iou_levels=[0.5]))],
            [('wsol-v2', 'maps'), (dict(base='wsol-v2', iou_levels=[0.5]), 'maps')],
        ),
    ],
)
def test_one_sweep_for_each_protocol_and_kind_of_map(evaluator, expected):
    configs = sweeps_for(evaluator)
    sweeps = [METRICS.build(config) for config in configs]
    assert all(type(sweep) is MaxBoxAcc for sweep in sweeps)
    found = [(replace(sweep.protocol, threshold=None), sweep.map_kind) for sweep in sweeps]
    assert found == [(replace(get_protocol(protocol), threshold=None), map_kind) for protocol, map_kind in expected]
    assert len({sweep.prefix for sweep in sweeps}) == len(sweeps)


def test_a_sweep_keeps_the_step_of_its_metric():
    (sweep,) = sweeps_for(
        [dict(type='LocAccuracy', protocol='wsol-v2'), dict(type='MaxBoxAcc', step=0.01, num_workers=1)]
    )
    assert (sweep['step'], sweep['num_workers']) == (0.01, 1)


class Spread(BaseLocMetric):
    """A metric from elsewhere, with a protocol of its own."""

    def __init__(self, **kwargs):
        super().__init__(**{'protocol': dict(base='wsol-v1', frame=[100, 100], name='small'), **kwargs})

    def score(self, sample, protocol):
        return dict(spread=protocol.threshold)

    def summarise(self, scored, images):
        return [Number('spread', sum(row['spread'] for row in scored) / images, unit='')]


class Sweep(MaxBoxAcc):
    """A sweep from elsewhere."""


def test_metrics_from_elsewhere_are_swept():
    (config,) = sweeps_for([dict(type=Spread, map_kind='attention')])
    sweep = METRICS.build(dict(config))
    assert type(sweep) is MaxBoxAcc
    assert (sweep.protocol, sweep.map_kind) == (replace(Spread().protocol, threshold=None), 'attention')
    (config,) = sweeps_for([dict(type='LocAccuracy', protocol='wsol-v2'), dict(type=Sweep, step=0.5)])
    assert (config['type'], config['step']) == (Sweep, 0.5)


@pytest.fixture
def file(maps, tmp_path):
    """Thresholds for the metrics of the evaluator below, chosen elsewhere."""
    evaluator = [dict(type='LocAccuracy'), dict(type=Spread), dict(type='MaxBoxAcc', step=0.1)]
    sweeps = [METRICS.build(config) for config in sweeps_for(evaluator)]
    evaluate_maps(maps, sweeps)
    save_thresholds(tmp_path / 'thresholds.json', [sweep.best for sweep in sweeps], ['other/1.jpg'], {})
    return str(tmp_path / 'thresholds.json')


def test_every_metric_that_asks_takes_its_threshold_from_the_file(maps, file):
    evaluator = [
        dict(type='LocAccuracy', threshold=0.3),
        dict(type=Spread, protocol=dict(base='wsol-v1', frame=[100, 100], name='small', threshold=0.4)),
        dict(type='MaxBoxAcc', step=0.1),
        dict(type='PixelAP'),
        dict(type='mmpretrain.Accuracy'),
    ]
    set_threshold_file(dict(metrics=evaluator), file)
    assert ['threshold_file' in config for config in evaluator] == [True, True, True, False, False]
    results = evaluate_maps(maps, [METRICS.build(config) for config in evaluator[:3]])
    sources = [{number.source.value for number in result.numbers if number.source} for result in results]
    assert sources == [{'val'}, {'val'}, {'oracle', 'val'}]
    (spread,) = results[1].numbers
    assert spread.value == spread.threshold == results[1].protocol.threshold


@pytest.mark.parametrize(('views', 'said'), [(None, False), (dict(sizes=[[224, 224]], zoom=True), True)])
def test_thresholds_of_maps_of_other_views(file, views, said, logged):
    set_threshold_file([dict(type='LocAccuracy')], file, dict(views=views))
    assert any('chosen on maps of other views (one view) than these' in line for line in logged) == said


@pytest.mark.parametrize(
    ('chosen_with', 'scored', 'said'),
    [('1' * 64, '1' * 64, False), ('1' * 64, '2' * 64, True), (None, '2' * 64, False), ('1' * 64, None, False)],
)
def test_thresholds_of_another_checkpoint(file, chosen_with, scored, said, logged):
    content = json.loads(Path(file).read_text())
    content['origin'] = dict(checkpoint='old.pth', checkpoint_sha256=chosen_with)
    Path(file).write_text(json.dumps(content))
    set_threshold_file([dict(type='LocAccuracy')], file, dict(checkpoint='new.pth', checkpoint_sha256=scored))
    assert logged == said * [
        f"{file}: its thresholds were chosen with another checkpoint ('old.pth', SHA-256 '{'1' * 12}') than this one "
        f"('new.pth', SHA-256 '{'2' * 12}'): choose them anew for it"
    ]


@pytest.fixture
def logged(monkeypatch):
    """The lines of the log."""
    lines = []
    monkeypatch.setattr(threshold_sweeps, 'print_log', lambda message, **kwargs: lines.append(message))
    return lines


def test_one_threshold_for_every_metric_that_scores_at_one(maps):
    evaluator = [dict(type='LocAccuracy', threshold_file='gone.json'), dict(type=Spread), dict(type='MaxBoxAcc')]
    set_threshold(evaluator, 0.25)
    assert [config.get('threshold') for config in evaluator] == [0.25, 0.25, None]
    (_, spread) = evaluate_maps(maps, [METRICS.build(config) for config in evaluator[:2]])
    assert (spread.numbers[0].value, spread.numbers[0].threshold) == (0.25, 0.25)


def test_no_metric_for_a_file(file, tmp_path):
    with pytest.raises(ValueError, match='no metric of the evaluator uses a threshold'):
        set_threshold_file([dict(type='PixelAP')], file)
    with pytest.raises(FileNotFoundError, match='threshold file not found'):
        set_threshold_file([dict(type='LocAccuracy')], str(tmp_path / 'none.json'))


@pytest.mark.parametrize('evaluator', [[], dict(type='PixelAP'), [dict(type='mmpretrain.Accuracy')]])
def test_nothing_to_sweep(evaluator):
    with pytest.raises(ValueError, match='no metric of the evaluator uses a threshold; LocAccuracy and MaxBoxAcc do'):
        sweeps_for(evaluator)


def _dataset(root, *images):
    folder = root / 'metadata'
    folder.mkdir(parents=True)
    (folder / 'image_ids.txt').write_text('\n'.join(images))
    (folder / 'class_labels.txt').write_text('\n'.join(f'{image},0' for image in images))
    return WSOLBenchmark(str(root), 'metadata', serialize_data=False)


def test_disjoint_splits(tmp_path):
    validation = _dataset(tmp_path / 'a', 'val/0/a.jpg', 'val/0/b.jpg')
    test = _dataset(tmp_path / 'b', 'test/0/a.jpg', 'val/1/a.jpg', 'val/0/c.jpg')
    assert check_disjoint(validation, test) == ['val/0/a.jpg', 'val/0/b.jpg']


def test_splits_that_share_images_under_another_root(tmp_path):
    validation = _dataset(tmp_path / 'a', 'val/0/a.jpg', 'val/0/b.jpg', 'val/0/c.jpg')
    test = _dataset(tmp_path / 'b', 'val/0/c.jpg', 'val/0/b.jpg')
    with pytest.raises(ValueError, match=r'shares 2 of its 3 images with the test split \(val/0/b.jpg\)') as error:
        check_disjoint(validation, test)
    for setting in ('split=train', 'data_prefix=val with img_prefix and ann_file of dataset.boxes'):
        assert setting in str(error.value)
