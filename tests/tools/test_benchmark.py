"""Speed and memory beside the baseline's, as a user measures them."""

import importlib.util
import json
import re
import sys
from statistics import median

import pytest
import torch
from PIL import Image

from mmtscam.speed import Way, WorkerError, compare, count_steps
from mmtscam.utils.choices import PRECISIONS, WORKLOADS
from mmtscam.utils.cli import run as run_tool


@pytest.fixture
def config(tool_config, tmp_path):
    tool_config.dump(tmp_path / 'tiny.py')
    return str(tmp_path / 'tiny.py')


@pytest.fixture
def tool(repo):
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('benchmark_tool', repo / 'tools' / 'analysis' / 'benchmark.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def parse(tool, config, monkeypatch):
    """Parse arguments after a config."""

    def parse(*words):
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', config, *map(str, words)])
        return tool.parse_args()

    return parse


@pytest.mark.parametrize('words', [['--out'], ['--sweep', 'classes', 4, '--plot']])
def test_files_that_cannot_be_written_are_refused_before_anything_is_measured(
    tool, parse, tmp_path, words, monkeypatch
):
    monkeypatch.setattr(tool, 'measure_all', lambda *args: pytest.fail('measures'))
    file = tmp_path / 'a.png'
    file.mkdir()
    parse(*words, file)
    with pytest.raises(ValueError, match=rf'^{file}: is a folder; name a file to write$'):
        tool.main()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--rounds', 0], '--rounds 0: must be at least 1'),
        (['--batch-size', -2], '--batch-size -2: must be at least 1'),
        (['--input-size', 0], '--input-size 0: must be at least 1'),
        (['--batches', 0], '--batches 0: must be at least 1'),
        (['--plot', 'plot.png'], '--plot draws how cost grows: it needs --sweep'),
        (['--plot', '{tmp}/p.txt', '--sweep', 'classes', 4], '{tmp}/p.txt: must end in .png, .pdf, .svg'),
        (['--sweep', 'depth', 4], '--sweep depth: must be one of input-size, batch-size, classes'),
        (['--sweep', 'classes'], '--sweep classes needs positive whole numbers, got none'),
        (['--sweep', 'classes', 4, '0'], '--sweep classes needs positive whole numbers, got 4 0'),
        (['--sweep', 'classes', 'many'], '--sweep classes needs positive whole numbers, got many'),
        (
            ['--sweep', 'classes', 4, '--workloads', 'load', 'predict'],
            'load has no sizes to sweep',
        ),
        (['--sweep', 'batch-size', 4, '--batch-size', 2], '--batch-size is what is swept: leave it out'),
    ],
)
def test_arguments_that_are_refused(parse, tmp_path, capsys, words, message):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit) as caught:
        parse(*(str(word).replace('{tmp}', str(tmp_path)) for word in words))
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f'error: {message.replace("{tmp}", str(tmp_path))}\n')


def test_a_config_that_is_not_there(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', str(tmp_path / 'none.py')])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert capsys.readouterr().err.endswith('none.py: config file not found\n')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there(tool, parse):
    parse('--device', 'cuda')
    with pytest.raises(SystemExit, match=r'^--device cuda: no GPU is available$'):
        run_tool(tool.main)


def test_what_is_measured_by_default(tool, parse, config):
    settings = list(tool.make_settings(parse('--device', 'cpu')))
    assert [(s.workload, s.batch_size, s.batches) for s in settings] == [
        ('evaluate', 16, 3),
        ('train', 32, 1),
        ('predict', 16, 1),
        ('load', 16, 1),
    ]
    assert {(s.config, s.device, s.input_size, s.classes) for s in settings} == {(config, 'cpu', None, None)}


def test_what_is_measured_of_what_is_asked_for(tool, parse):
    words = ['--batch-size', '2', '--input-size', '48', '--batches', '5', '--cfg-options', 'model.head.threshold=0.2']
    settings = list(tool.make_settings(parse(*words, '--workloads', 'train', 'load')))
    assert [(s.batch_size, s.input_size, s.batches) for s in settings] == [(2, 48, 5), (2, None, 5)]
    assert settings[0].cfg_options == {'model.head.threshold': 0.2}


def test_a_sweep_goes_through_sizes_of_each_workload(tool, parse):
    settings = list(tool.make_settings(parse('--sweep', 'input-size', 64, 8, 64, '--batch-size', 16)))
    workloads = [name for name in WORKLOADS if name != 'load']
    assert [(s.workload, s.input_size) for s in settings] == [(name, size) for name in workloads for size in (8, 64)]


def test_ways(tool):
    ways = tool.make_ways('train', PRECISIONS, compiled=True)
    assert ways[0] == Way('baseline')
    assert set(ways[1:]) == {Way('ours', precision, also) for precision in PRECISIONS for also in (False, True)}
    assert tool.make_ways('predict', ['bf16'], compiled=False) == [Way('baseline'), Way('ours', 'bf16')]
    assert tool.make_ways('load', PRECISIONS, compiled=True) == [Way('baseline'), Way('ours')]


def _check(result, ways, rounds, mfu):
    """The figures of a result follow from its seconds, bytes and rates."""
    images = result['images']
    assert list(result['ways']) == ways
    base = result['ways'][ways[0]]
    for way in result['ways'].values():
        taken = way['seconds']
        assert len(taken) == rounds and min(taken) > 0
        expected = dict(
            seconds_per_image=[value / images for value in taken],
            images_per_second=[images / value for value in taken],
            speedup=[first / value for first, value in zip(base['seconds'], taken, strict=True)],
        )
        if mfu:
            rates = result['matmul_flops_per_second'][way['precision']]['rounds']
            passes = 3 if result['workload'] == 'train' else 1
            expected['mfu'] = [
                passes * result['flops'] * images / value / rate for value, rate in zip(taken, rates, strict=True)
            ]
        else:
            assert way['mfu'] is None
        for name, values in expected.items():
            summary = dict(min=min(values), median=median(values), max=max(values))
            assert way[name] == pytest.approx(summary), name
        memory = way['memory']
        if sys.platform == 'linux':
            assert 0 < memory['own'] <= memory['peak']
            assert memory['above'] == memory['peak'] - memory['own']
            assert way['memory_ratio']['peak'] == pytest.approx(memory['peak'] / base['memory']['peak'])
            if base['memory']['above']:
                assert way['memory_ratio']['above'] == pytest.approx(memory['above'] / base['memory']['above'])


@pytest.mark.slow
def test_a_sweep_over_workloads(config, tmp_path, run):
    sizes = dict(batch_size=2, classes=4, input_size=80, tokens=100, images=2)
    printed = run(
        'python', 'tools/analysis/benchmark.py', config, '--workloads', 'train', 'predict',
        '--sweep', 'classes', '4', '--batch-size', '2',
        '--batches', '1', '--rounds', '2', '--precisions', 'fp32', '--device', 'cpu',
        '--out', tmp_path / 'new' / 'out.json', '--plot', tmp_path / 'plot.png',
    ).stdout  # fmt: skip
    record = json.loads((tmp_path / 'new' / 'out.json').read_text())
    assert record['complete'] is True
    assert record['command'].startswith('python tools/analysis/benchmark.py ')
    assert record['sweep'] == dict(parameter='classes', values=[4])
    assert record['rounds'] == 2
    assert record['machine']['threads'] >= 1 and record['versions']['torch']
    assert [result['workload'] for result in record['results']] == ['train', 'predict']
    for result in record['results']:
        assert {name: result[name] for name in sizes} == sizes
        assert set(result['agreement']) == (
            {'loss', 'gradient'} if result['workload'] == 'train' else {'logits', 'maps'}
        )
        _check(result, ['baseline fp32', 'ours fp32'], 2, mfu=True)
        title = f'tiny, {result["workload"]}: batch 2, 80x80 (100 tokens), 4 classes'
        assert title in printed
    assert len(re.findall('│ ours fp32 ', printed)) == 2
    with Image.open(tmp_path / 'plot.png') as image:
        assert (image.format, image.size) == ('PNG', (1500, 2 * 585))


@pytest.mark.slow
def test_loading(tool, parse, config, tmp_path, capsys, monkeypatch):
    steps = []

    def counted(setting, ways, rounds, on_step):
        def told(step):
            steps.append(step)
            on_step(step)

        result = compare(setting, ways, rounds, told)
        assert len(steps) == count_steps(setting, ways, rounds)
        return result

    monkeypatch.setattr('mmtscam.speed.compare', counted)
    parse('--workloads', 'load', '--rounds', '3', '--batches', '2', '--out', tmp_path / 'out.json')
    run_tool(tool.main)
    (result,) = json.loads((tmp_path / 'out.json').read_text())['results']
    assert (result['images'], result['agreement']) == (128, {})
    assert 'files' not in result
    _check(result, ['baseline fp32', 'ours fp32'], 3, mfu=False)
    measured = [step.removeprefix('measuring ') for step in steps if step.startswith('measuring')]
    assert measured == [f'{code} fp32' for code in ('baseline', 'ours', 'ours', 'baseline', 'baseline', 'ours')]
    printed = capsys.readouterr().out
    assert 'tiny, load: 128 images a round, 24 of the training set; one core' in printed
    assert 'Matrix products' not in printed


def test_what_cannot_be_measured_ends_in_a_message(tool, parse, tmp_path):
    out = tmp_path / 'out.json'
    parse('--workloads', 'predict', '--input-size', 84, '--out', out)
    with pytest.raises(SystemExit, match=r'tiny\.py: an input size of 84 is no multiple of the patch size, 8$'):
        run_tool(tool.main)
    parse('--workloads', 'load', 'predict', '--batch-size', 10**9, '--out', out)
    if sys.platform == 'linux':
        with pytest.raises(SystemExit, match=r'^the baseline needs more than .* choose a smaller batch or input size$'):
            run_tool(tool.main)
    assert not out.exists()


@pytest.mark.parametrize('error', [WorkerError('process died'), KeyboardInterrupt()], ids=['failed', 'interrupted'])
@pytest.mark.slow
def test_what_was_measured_before_an_end_is_kept(tool, parse, tmp_path, monkeypatch, error):
    monkeypatch.setattr(
        'mmtscam.speed.compare', lambda *args: compare(*args) if args[0].classes == 3 else (_ for _ in ()).throw(error)
    )
    files = [tmp_path / 'out.json', tmp_path / 'plot.svg']
    parse(
        '--sweep', 'classes', 3, 4, '--workloads', 'predict', '--precisions', 'fp32', '--rounds', 1,
        '--batch-size', 1, '--out', files[0], '--plot', files[1],
    )  # fmt: skip
    with pytest.raises(SystemExit, match=r'process died|130'):
        run_tool(tool.main)
    record = json.loads(files[0].read_text())
    assert record['complete'] is False
    assert [result['classes'] for result in record['results']] == [3]
    assert files[1].read_text().startswith('<?xml')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(', "'(' was never closed"),
        ("_base_ = 'nope.py'", 'nope.py'),
        (
            'model = dict(type="mmdet.RetinaNet")',
            'the baseline is written for TSCAMDeiT with TSCAMHead, for SATDeiT with SATHead',
        ),
    ],
)
def test_configs_that_cannot_be_read(tool, tmp_path, monkeypatch, text, message):
    config = tmp_path / 'broken.py'
    config.write_text(text)
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', str(config), '--workloads', 'predict'])
    with pytest.raises(SystemExit, match=f'^{re.escape(str(config))}: .*{re.escape(message)}'):
        run_tool(tool.main)


def test_a_setting_that_the_model_does_not_know(tool, parse, config):
    parse('--workloads', 'predict', '--cfg-options', 'model.backbone.nope=3')
    with pytest.raises(SystemExit, match=f'^{re.escape(config)}: .*nope'):
        run_tool(tool.main)
