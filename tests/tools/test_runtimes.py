"""Trials of an exported file, as a user runs them, with the runtimes that the tests' environment has."""

import re

import pytest
import torch

from mmtscam.registry import MODELS

TOOL = 'tools/deployment/runtimes.py'


@pytest.fixture
def model(tool_config, tmp_path):
    """Config and weights of a tiny model."""
    tool_config.dump(tmp_path / 'tiny.py')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(tool_config.model).state_dict()}, tmp_path / 'model.pth')
    return tmp_path / 'tiny.py', tmp_path / 'model.pth'


@pytest.mark.slow
def test_table(model, run, serve, sample_set, tmp_path):
    pytest.importorskip('onnxscript')
    pytest.importorskip('onnxruntime')
    file, table = tmp_path / 'model.onnx', tmp_path / 'new' / 'table.md'
    serve('python', 'tools/deployment/export.py', *model, '--out', file, '--no-verify')
    words = ['--images', sample_set / 'images', '--num-images', 5, '--rounds', 1, '--runtimes', 'ONNXRuntime']
    output = run('python', TOOL, *model, file, *words, 'onnxruntime-web', '--out', table, '--node-folder', tmp_path)
    assert '5 images in 80x80, 112x128, 96x136, 1 and 2 at once' in output.stdout
    assert 'onnxruntime-web: skipped, not installed: npm install --ignore-scripts onnxruntime-web' in output.stdout
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in table.read_text().splitlines()]
    headings, _, pytorch, onnxruntime = rows
    assert (headings[0], pytorch[:2]) == ('runtime', ['PyTorch', torch.__version__])
    assert onnxruntime[2:4] == ['yes', 'yes']
    assert float(onnxruntime[4]) < 1e-4
    assert onnxruntime[5] == '15 of 15'
    assert re.fullmatch(r'\d+\.\d\d', onnxruntime[6])
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {}}, other)
    output = serve('python', TOOL, model[0], other, file, *words, code=1).stdout
    assert output == f'{file}: was exported from another checkpoint than {other}: export it again\n'


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['none.onnx', '--images', 'folder'], 'none.onnx: file not found; tools/deployment/export.py writes it'),
        (['torn.onnx', '--images', 'folder'], 'torn.onnx: no ONNX file that tools/deployment/export.py wrote'),
        (['torn.onnx', '--images', 'none'], 'none: image or folder not found'),
        (['torn.onnx', '--images', 'empty'], 'empty: no image in it'),
        (['torn.onnx', '--images', 'folder', '--runtimes', 'mxnet'], '--runtimes mxnet: not known; these are: onnxrun'),
        (['torn.onnx', '--images', 'folder', '--sizes', '224'], '--sizes 224: HEIGHTxWIDTH expected, such as 224x320'),
        (['torn.onnx', '--images', 'folder', '--rounds', '0'], '--rounds 0: must be at least 1'),
    ],
)
def test_mistakes_end_in_one_line(model, repo, serve, sample_set, tmp_path, words, message):
    pytest.importorskip('onnxruntime')
    (tmp_path / 'torn.onnx').write_bytes(b'torn')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'folder').symlink_to(sample_set / 'images')
    code = 2 if message.startswith(('--sizes', '--rounds')) else 1
    output = serve('python', repo / TOOL, *model, *words, cwd=tmp_path, code=code).stdout
    assert message in output.splitlines()[-1]
    assert 'Traceback' not in output
