from types import SimpleNamespace

import pytest
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset

from mmtscam.engine.loops.joined_sets import set_finder
from mmtscam.evaluation.stored_maps import MapFile, evaluate_maps
from mmtscam.registry import METRICS


class Part(list):
    """A data set, perhaps with a name."""


def _named(name, images):
    part = Part(range(images))
    part.name = name
    return part


def test_images_are_told_apart_by_their_numbers():
    wrapped = Part(range(2))
    wrapped.dataset = SimpleNamespace(name='inner')
    find = set_finder(ConcatDataset([_named('birds', 3), Part(range(1)), wrapped, _named(None, 1)]))
    assert [find(number) for number in range(7)] == ['birds'] * 3 + ['set 2'] + ['inner'] * 2 + ['set 4']


def test_one_set_has_no_name():
    for dataset in (_named('birds', 2), ConcatDataset([_named('birds', 2)])):
        assert set_finder(dataset)(1) is None


def test_two_sets_of_one_name():
    with pytest.raises(ValueError, match=r"two of the joined data sets are called 'a': give each its own name"):
        set_finder(ConcatDataset([_named('a', 1), _named('a', 1)]))


def _test(cfg, tmp_path, name, draw=False):
    """Test and save maps; the metrics, and the maps scored again."""
    cfg = cfg.copy()
    # A level that maps of random weights reach now and then.
    cfg.test_evaluator = [
        dict(type='LocAccuracy', protocol=dict(base='tscam', iou_levels=[0.2]), topk=1),
        dict(type='MaxBoxAcc', protocol=dict(base='wsol-v1', iou_levels=[0.2]), step=0.1),
    ]
    cfg.experiment_name = f'{tmp_path.name}-{name}'
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='SaveMapsHook', out_file=str(tmp_path / f'{name}.npz'))]
    cfg.default_hooks.visualization.update(draw=draw, interval=1, test_out_dir=str(tmp_path / name))
    metrics = Runner.from_cfg(cfg).test()
    maps = MapFile(tmp_path / f'{name}.npz')
    again = evaluate_maps(maps, [METRICS.build(each) for each in cfg.test_evaluator])
    for result in again:
        scalars = {f'{result.name}/{key}': value for key, value in result.scalars().items()}
        assert scalars == {key: metrics[key] for key in scalars}
    if draw:
        assert len(list((tmp_path / name).iterdir())) == len(maps)
    return metrics, maps, again


@pytest.mark.slow
def test_several_test_sets_in_one_evaluation(tiny_config, tmp_path):
    """Two sets with the same images and ids, the second of which has boxes of its own and half of the images."""
    one = tiny_config.test_dataloader.dataset
    text = (tmp_path / 'boxes.txt').write_text
    lines = (line.split() for line in open(f'{one.dataset.data_root}/bounding_boxes.txt'))  # noqa: PTH123, SIM115
    text(''.join(f'{number} {x} {y} 9 9\n' for number, x, y, *_ in lines))
    boxes = dict(one.boxes, ann_file=str(tmp_path / 'boxes.txt'))
    other = dict(one, name='small', indices=list(range(8)), boxes=boxes)
    alone = {}
    for name, dataset in {'set 1': one, 'small': other}.items():
        tiny_config.test_dataloader.dataset = dataset
        alone[name], maps, _ = _test(tiny_config, tmp_path, name.replace(' ', ''))

    tiny_config.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, other])
    joined, maps, results = _test(tiny_config, tmp_path, 'joined', draw=True)
    assert len(maps) == 24
    assert [sample['set_name'] for sample in maps] == ['set 1'] * 16 + ['small'] * 8
    for name, metrics in alone.items():
        for key, value in metrics.items():
            prefix, _, number = key.partition('/')
            assert joined[f'{prefix}/{name}/{number}'] == value, key
    assert alone['set 1']['tscam/cls_top1'] * 16 + alone['small']['tscam/cls_top1'] * 8 == pytest.approx(
        24 * joined['tscam/cls_top1']
    )
    assert [result.name for result in results] == [
        f'{prefix}{name}' for prefix in ('tscam', 'wsol-v1') for name in ('', '/set 1', '/small')
    ]
    assert [result.images for result in results] == [24, 16, 8] * 2
    assert [row['set_name'] for row in results[0].rows] == ['set 1'] * 16 + ['small'] * 8
    assert len({str(result.curves) for result in results}) == 6


@pytest.mark.slow
def test_other_wrappers(tiny_config, tmp_path):
    whole = tiny_config.test_dataloader.dataset
    expected, _, _ = _test(tiny_config, tmp_path, 'whole')
    assert 0 < expected['tscam/gt_known'] < 100
    for place, (wrapper, images) in enumerate(
        [
            (dict(type='RepeatDataset', times=2), 32),
            (dict(type='ClassBalancedDataset', oversample_thr=0.3), 32),  # each class has an eighth of the images
        ]
    ):
        tiny_config.test_dataloader.dataset = dict(wrapper, dataset=whole)
        metrics, maps, _ = _test(tiny_config, tmp_path, f'wrapped{place}')
        assert len(maps) == images
        shares = [key for key in expected if 'outcome' not in key]
        assert {key: metrics[key] for key in shares} == {key: pytest.approx(expected[key]) for key in shares}


def test_a_loop_that_does_not_number_images(tiny_config, tmp_path):
    tiny_config.test_cfg = dict(type='TestLoop')
    tiny_config.test_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=tiny_config.test_dataloader.dataset
    )
    tiny_config.custom_hooks.append(dict(type='SaveMapsHook', out_file=str(tmp_path / 'maps.npz')))
    with pytest.raises(ValueError, match=r"TestLoop does not number the images of a RepeatDataset, .* 'LocTestLoop'"):
        Runner.from_cfg(tiny_config).test()
