import json

import pytest
from mmengine.runner import Runner

from mmtscam.evaluation import LocAccuracy, Number


def _test(config):
    return Runner.from_cfg(config).test()


def test_report_of_a_test(tiny_config, tmp_path, capsys):
    tiny_config.default_hooks.report.out_dir = str(tmp_path / 'report')
    metrics = _test(tiny_config)
    files = {path.name for path in (tmp_path / 'report').iterdir()}
    assert files == {'report.json', 'tscam.csv', 'tscam-attention.csv', 'tscam-semantic.csv'}
    report = json.loads((tmp_path / 'report' / 'report.json').read_text())
    reported = {
        f'{result["name"]}/{number["key"]}': number['value']
        for result in report['results']
        for number in result['numbers']
    }
    assert reported == metrics
    kinds = {result['name']: result['map_kind'] for result in report['results']}
    expected = {'tscam': 'coupled', 'tscam-attention': 'attention', 'tscam-semantic': 'semantic', 'wsol-v2': 'coupled'}
    assert kinds == expected
    used = {
        (number['threshold'], number['source'])
        for result in report['results'][:3]
        for number in result['numbers']
        if not number['name'].startswith('cls_')
    }
    assert used == {(0.05, 'fixed')}  # the head's
    assert report['origin']['dataset'] == 'WSOLDataset'
    assert report['origin']['checkpoint'] is None
    assert report['origin']['precision'] == 'float32'
    printed = capsys.readouterr().out
    assert 'Localization' in printed and 'oracle' in printed


def test_beside_the_log_by_default(tiny_config, tmp_path):
    _test(tiny_config)
    assert len(list((tmp_path / 'work_dir').glob('*/report.json'))) == 1


@pytest.mark.slow
def test_the_precision_is_told(tiny_config, tmp_path):
    tiny_config.test_cfg = dict(type='LocTestLoop', fp16=True)
    tiny_config.default_hooks.report.out_dir = str(tmp_path / 'report')
    _test(tiny_config)
    assert json.loads((tmp_path / 'report' / 'report.json').read_text())['origin']['precision'] == 'bfloat16'


def test_config_hash_follows_what_is_scored(tiny_config, tmp_path):
    hashes = []
    for name, threshold, interval in (('a', 0.05, 1), ('b', 0.05, 7), ('c', 0.06, 1)):
        config = tiny_config.copy()
        config.experiment_name = f'{tmp_path.name}-{name}'
        config.model.head.threshold = threshold
        config.default_hooks.logger.interval = interval
        config.default_hooks.report.out_dir = str(tmp_path / name)
        _test(config)
        hashes.append(json.loads((tmp_path / name / 'report.json').read_text())['origin']['config_sha256'])
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.filterwarnings('ignore')
def test_without_localization_metrics_there_is_no_report(tiny_config, tmp_path):
    tiny_config.test_evaluator = [dict(type='mmpretrain.Accuracy', topk=(1,))]
    _test(tiny_config)
    assert not list((tmp_path / 'work_dir').glob('*/report.json'))


def test_metrics_of_one_name_are_refused_before_the_work(tiny_config):
    tiny_config.test_evaluator = [dict(type='LocAccuracy'), dict(type='LocAccuracy', threshold=0.2)]
    with pytest.raises(ValueError, match="several LocAccuracy in test_evaluator report as 'tscam': give each its own"):
        _test(tiny_config)


class Stricter(LocAccuracy):
    """Scores otherwise, and names its numbers as its base does."""

    def score(self, sample, protocol):
        row = super().score(sample, protocol)
        return {**row, 'iou': row['iou'] / 2}


class Other(LocAccuracy):
    """Has a number of its own."""

    def summarise(self, scored, images):
        return [Number('mean_iou', 100 * sum(row['iou'] for row in scored) / images)]


def test_a_subclass_that_names_its_numbers_as_its_base(tiny_config):
    tiny_config.test_evaluator = [dict(type='LocAccuracy'), dict(type=f'{__name__}.Stricter')]
    with pytest.raises(ValueError, match="several LocAccuracy and Stricter in test_evaluator report as 'tscam'"):
        _test(tiny_config)


def test_a_subclass_with_numbers_of_its_own(tiny_config):
    tiny_config.test_evaluator = [dict(type='LocAccuracy'), dict(type=f'{__name__}.Other')]
    assert {'tscam/gt_known', 'tscam/mean_iou'} <= _test(tiny_config).keys()


def test_a_folder_that_takes_no_files_is_refused_before_the_test(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(LocAccuracy, 'process', lambda *args: pytest.fail('tests'))
    (tmp_path / 'report').touch()
    tiny_config.default_hooks.report.out_dir = str(tmp_path / 'report')
    with pytest.raises(ValueError, match='report: is a file; name a folder for the results'):
        Runner.from_cfg(tiny_config).test()
