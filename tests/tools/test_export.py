"""The export and its demo, as a user runs them."""

import json
import re
import runpy
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_fonts import make_font

from mmtscam.datasets.transforms import LoadResizedImage
from mmtscam.deployment.check import load_exported
from mmtscam.localization import PROTOCOLS, boxes_to_image, get_protocol, map_to_boxes, map_to_instances
from mmtscam.registry import MODELS

EXPORT = 'tools/deployment/export.py'
DEMO = 'tools/deployment/onnx_demo.py'
# Packages that onnx_demo.py has to do without.
ABSENT = ('torch', 'torchvision', 'mmtscam', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain')


@pytest.fixture(scope='module')
def demo(repo):
    """The demo's functions."""
    pytest.importorskip('onnxruntime')
    return runpy.run_path(str(repo / DEMO))


@pytest.fixture
def folder(tool_config, tmp_path):
    """A tiny model, its config beside it."""
    tool_config.dump(tmp_path / 'tiny.py')
    model = MODELS.build(tool_config.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    return tmp_path


@pytest.fixture
def export(repo, folder, monkeypatch, capsys):
    """Run the tool in this process."""

    def export(*words):
        monkeypatch.setattr(sys, 'argv', [EXPORT, *map(str, words)])
        runpy.run_path(str(repo / EXPORT), run_name='__main__')
        return capsys.readouterr().out

    return export


@pytest.mark.slow
def test_export_and_demo_without_openmmlab(export, folder, repo, run, sample_set):
    for package in ('onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    images = sorted((sample_set / 'images').glob('*/*'))[:3]
    path = folder / 'new' / 'model.onnx'
    output = export(
        folder / 'tiny.py', folder / 'model.pth', '--out', path,
        '--verify', *images, '--rounds', 1, '--batch-sizes', 2, '--opset', 20,
    )  # fmt: skip
    lines = output.splitlines()
    assert [line.split(':')[0].strip() for line in lines[1:5]] == [
        '1 x 80x80', '3 x 80x80', '1 x 112x128', '3 x 112x128'
    ]  # fmt: skip
    differences = [float(value) for value in re.findall(r'\d\.\de-\d+', '\n'.join(lines[1:5]))]
    assert len(differences) == 12
    assert max(differences) < 1e-4
    assert re.search(r'2 x 80x80: PyTorch \d+\.\d, onnxruntime \d+\.\d', output)
    size = path.stat().st_size / 1e6
    assert lines[-1] == f'Written: {path}, {size:.1f} MB, outputs scores, maps, attention'
    assert [file.name for file in path.parent.iterdir()] == ['model.onnx']

    run_model, metadata = load_exported(path, onnx=True)
    assert metadata['classes'][1] == 'Horned_Ember'
    protocol = get_protocol('tscam', threshold=metadata['protocol']['threshold'])
    resized = LoadResizedImage(scale=(80, 80)).transform(dict(img_path=str(images[0])))
    scores, maps, _ = run_model(resized['img'][None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32))
    # Packages that the demo must do without fail when they are imported.
    script = (
        f'import runpy, sys; sys.modules.update(dict.fromkeys({ABSENT})); '
        f'runpy.run_path({str(repo / DEMO)!r}, run_name="__main__")'
    )
    for label, words in ((int(scores[0].argmax()), []), (1, ['--class', 'Horned_Ember']), (3, ['--class', 3])):
        output = run('python', '-c', script, images[0], path, '--out', folder / 'picture.png', *words, cwd=folder)
        result = json.loads(output.stdout)
        size = resized['ori_shape'][::-1]
        boxes = boxes_to_image(map_to_boxes(maps[0, label], protocol), size, protocol)
        assert result['boxes'] == boxes.tolist()
        assert (result['label'], result['name']) == (label, metadata['classes'][label])
        assert result['score'] == pytest.approx(float(scores[0, label]), rel=1e-5)
        assert Image.open(folder / 'picture.png').size == size
        drawn = np.abs(np.asarray(Image.open(folder / 'picture.png'), int) - (230, 40, 40)).sum(-1) == 0
        assert drawn.any()
    words = ['--class', 3, '--min-area', 0]
    result = json.loads(run('python', DEMO, images[0], path, *words).stdout)
    instances = map_to_instances(maps[0, 3], protocol, 0.0)
    assert result['boxes'] == boxes_to_image(instances, resized['ori_shape'][::-1], protocol).tolist()
    output = run('python', DEMO, images[0], path, '--min-area', '2', code=2).stdout
    assert output.endswith('error: --min-area 2.0: must be a share in [0, 1]\n')
    output = run('python', DEMO, images[0], path, '--out', '/proc/a/b.png', code=1).stdout
    assert output.startswith('/proc/a/b.png: cannot be written (') and output.endswith('): name another place\n')
    output = run('python', DEMO, images[0], path, '--class', 'Zebra', code=1).stdout
    assert output == '--class Zebra: the model has no such class; give an index below 8 or one of its names, ' \
        'as Crested_Zeb\n'  # fmt: skip


@pytest.mark.slow
def test_8_bits_and_demo(export, folder, checkpoint, repo, run, sample_set):
    for package in ('onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    path, words = folder / 'small.onnx', [folder / 'tiny.py', checkpoint, '--int8', '--out', folder / 'small.onnx']
    output = export(*words, '--rounds', 1, '--batch-sizes', 2, '--min-kept', 0.01, '--max-images', 5)
    lines = output.splitlines()
    assert lines[5] == '8 bits in 8 of 8 linear layers, 5 images:'
    assert re.fullmatch(r'  same class \d \(\d+\.\d%\), same class and box \d \(\d+\.\d%\) at threshold 0.05', lines[6])
    assert [re.sub(r'\d+\.\d+', 'N', line) for line in lines[7:10]] == [
        '  loc_top1: N % before, N % after', '  gt_known: N % before, N % after',
        '  size: N MB before, N MB after, N of it',
    ]  # fmt: skip
    assert re.fullmatch(r'  2 x 80x80: PyTorch \d+\.\d, onnxruntime \d+\.\d, 8 bits \d+\.\d', lines[11])
    assert load_exported(path, onnx=True)[1]['int8_layers'] == 8
    image = sorted((sample_set / 'images').glob('*/*'))[0]
    script = (
        f'import runpy, sys; sys.modules.update(dict.fromkeys({ABSENT})); '
        f'runpy.run_path({str(repo / DEMO)!r}, run_name="__main__")'
    )
    result = json.loads(run('python', '-c', script, image, path, '--out', folder / 'picture.png', cwd=folder).stdout)
    resized = LoadResizedImage(scale=(80, 80)).transform(dict(img_path=str(image)))
    pixels = resized['img'][None, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    scores, maps, _ = load_exported(path, onnx=True)[0](pixels)
    protocol = get_protocol('tscam', threshold=0.05)
    boxes = boxes_to_image(map_to_boxes(maps[0, result['label']], protocol), resized['ori_shape'][::-1], protocol)
    assert (result['label'], result['boxes']) == (scores[0].argmax(), boxes.tolist())

    # A folder has no true boxes. Nothing is written where too few images keep class and box.
    before = path.read_bytes()
    monkeyed = 'mmtscam.deployment.quantization._RANKED'
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as caught:
        patch.setattr(monkeyed, 1)
        patch.setattr('mmtscam.deployment.agreement.SAME_BOX', 1.1)
        export(*words, '--force', '--rounds', 0, '--verify', sample_set / 'images', '--max-images', 2)
    assert str(caught.value) == (
        f'{path}: not written: 0 of 2 images keep class and box with 8 bits, even where 4 of 8 layers have floating '
        'point; min_kept is 0.8 (--min-kept)'
    )
    assert path.read_bytes() == before
    assert not list(folder.glob('.*'))


def test_8_bits_need_images(export, folder):
    words = [folder / 'tiny.py', folder / 'model.pth', '--int8', '--out', folder / 'model.onnx']
    with pytest.raises(SystemExit) as caught:
        export(*words, '--cfg-options', 'test_dataloader.dataset.dataset.data_root=far')
    message = str(caught.value)
    assert message.startswith('far/images.txt: annotation file or image folder not found')
    assert message.endswith('. 8 bits need images: name files or folders with --verify')
    assert '\n' not in message
    assert not (folder / 'model.onnx').exists()


def test_a_program_of_one_size(export, folder):
    output = export(
        folder / 'tiny.py', folder / 'model.pth', '--out', folder / 'model.pt2',
        '--fixed-size', '--input-size', 64, 48, '--rounds', 0,
    )  # fmt: skip
    assert [line.split(':')[0].strip() for line in output.splitlines()[1:-1]] == ['1 x 64x48', '3 x 64x48']
    run, metadata = load_exported(folder / 'model.pt2', onnx=False)
    assert (metadata['input_size'], metadata['fixed_size']) == ([64, 48], True)
    assert run(np.zeros((1, 3, 64, 48), np.float32))[1].shape == (1, 8, 8, 6)


def test_a_graph_that_computes_something_else_is_not_written(export, folder, monkeypatch):
    (folder / 'model.pt2').write_text('before')
    words = [folder / 'tiny.py', folder / 'model.pth', '--out', folder / 'model.pt2', '--force', '--fixed-size']
    # The comparison goes through the model's own normalisation.
    wrong = 'mmpretrain.models.utils.data_preprocessor.ClsDataPreprocessor.forward'
    monkeypatch.setattr(wrong, lambda self, data: {'inputs': data['inputs'] / 255})
    with pytest.raises(SystemExit, match=r'model\.pt2: not written, since the graph does not compute what'):
        export(*words)
    assert (folder / 'model.pt2').read_text() == 'before'
    assert not list(folder.glob('.*'))


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['none.py', 'model.pth', '--out', 'new.onnx'], 'none.py: config file not found'),
        (['tiny.py', 'none.pth', '--out', 'new.onnx'], 'none.pth: checkpoint not found'),
        (['tiny.py', 'other.pth', '--out', 'new.onnx'], 'other.pth: holds no backbone and head of a config'),
        (['tiny.py', 'torn.pth', '--out', 'new.onnx'], 'torn.pth: not a file of weights that can be read safely'),
        (['tiny.py', 'model.pth', '--out', 'old.onnx'], 'old.onnx: exists already; name another file or replace it'),
        (['tiny.py', 'model.pth', '--out', 'new.onnx', '--verify', 'none.jpg'], 'none.jpg: image or folder not found'),
        (['tiny.py', 'model.pth', '--out', 'new.onnx'], 'onnx is not installed, which ONNX needs: pip install onnx'),
        (
            ['tiny.py', 'model.pth', '--out', 'new.onnx', '--int8', '--verify', 'empty'],
            'empty: no image in it; they end',
        ),
    ],
)
def test_errors_are_one_message(words, message, export, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, 'onnx', None)
    (folder / 'old.onnx').write_text('before')
    (folder / 'empty').mkdir()
    (folder / 'torn.pth').write_bytes((folder / 'model.pth').read_bytes()[:1000])
    torch.save({'state_dict': {'head.conv.bias': torch.zeros(3)}}, folder / 'other.pth')
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(SystemExit) as caught:
        export(*words)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--out', 'model.pb'], '--out model.pb: the name must end in .onnx or .pt2'),
        (['--out', 'a.onnx', '--input-size', '1', '2', '3'], '--input-size takes one positive number or two'),
        (['--out', 'a.pt2', '--opset', '20'], '--opset is for .onnx files'),
        (['--out', 'a.onnx', '--no-verify', '--verify', 'a.jpg'], '--verify and --no-verify exclude each other'),
        (['--out', 'a.onnx', '--no-verify', '--int8'], '--int8 and --no-verify exclude each other'),
        (['--out', 'a.pt2', '--int8'], '--int8 is for .onnx files'),
        (['--out', 'a.onnx', '--int8', '--min-kept', '0'], '--min-kept 0.0: must be a share above 0 and at most 1'),
        (['--out', 'a.onnx', '--int8', '--max-images', '0'], '--max-images 0: must be at least 1'),
        (['--out', 'a.onnx', '--rounds', '-1'], '--batch-sizes must be at least 1 and --rounds at least 0'),
    ],
)
def test_arguments_are_checked(words, message, repo, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [EXPORT, 'tiny.py', 'model.pth', *words])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(repo / EXPORT), run_name='__main__')
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('name', PROTOCOLS)
def test_demo_draws_the_boxes_of_the_package(name, demo):
    rng = np.random.default_rng(0)
    protocols = [replace(PROTOCOLS[name], threshold=threshold) for threshold in (0.0, 0.1, 0.37, 0.9)]
    protocols.append(get_protocol(dict(base=name, threshold=0.2, frame=(160, 96))))
    for protocol in protocols:
        maps = [rng.normal(size=(14, 14)), rng.random((7, 9)), rng.random((1, 1)), rng.random(protocol.frame[::-1])]
        maps += [np.zeros((14, 14)), np.full((3, 3), np.nan), np.eye(5)]
        for score_map in maps:
            score_map = score_map.astype(np.float32)
            expected = boxes_to_image(map_to_boxes(score_map, protocol), (500, 333), protocol)
            drawn = demo['draw_boxes'](score_map, (500, 333), json.loads(json.dumps(asdict(protocol))))
            assert drawn.dtype == expected.dtype
            assert drawn.tolist() == expected.tolist()
            for min_area in (0.0, 0.3, 1.0):
                expected = boxes_to_image(map_to_instances(score_map, protocol, min_area), (500, 333), protocol)
                drawn = demo['draw_boxes'](score_map, (500, 333), json.loads(json.dumps(asdict(protocol))), min_area)
                assert drawn.dtype == expected.dtype
                assert drawn.tolist() == expected.tolist()


@pytest.mark.parametrize('mode', ['RGB', 'L', 'LA', 'P', 'RGBA', 'CMYK'])
def test_demo_reads_images_as_the_pipeline_does(mode, demo, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    path = tmp_path / ('image.jpg' if mode == 'CMYK' else 'image.png')
    Image.fromarray(pixels).convert(mode).save(path)
    expected = LoadResizedImage(scale=(24, 16)).transform(dict(img_path=str(path)))['img'][..., ::-1]
    resized = demo['read_image'](str(path)).resize((24, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(np.asarray(resized), expected)


def test_demo_writes_names_in_any_script(demo, tmp_path, monkeypatch, capsys):
    font = make_font(tmp_path / 'mine.ttf', '燕鸥 0.93', 'Mine')
    image = Image.new('RGB', (200, 60))
    draw = demo['draw_picture']
    with_font = np.asarray(draw(image, np.zeros((0, 4)), '燕鸥 0.93', str(font)))
    monkeypatch.setitem(demo['find_font'].__globals__, 'FONTS', (str(tmp_path / 'none.ttf'), str(font)))
    assert np.array_equal(draw(image, np.zeros((0, 4)), '燕鸥 0.93', None), with_font)
    assert capsys.readouterr().err == ''
    draw(image, np.zeros((0, 4)), 'ก', None)
    assert capsys.readouterr().err == "no font at hand has all letters of 'ก': name one with --font FILE\n"
    (tmp_path / 'torn.ttf').write_bytes(b'torn')
    with pytest.raises(SystemExit, match=r'--font .*torn\.ttf: cannot be read as a font'):
        draw(image, np.zeros((0, 4)), 'a', str(tmp_path / 'torn.ttf'))


def test_demo_says_what_is_wrong(run, tmp_path):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    Image.new('RGB', (8, 8)).save(tmp_path / 'image.png')
    (tmp_path / 'torn.onnx').write_bytes(b'torn')
    value = onnx.helper.make_tensor_value_info('x', onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node('Identity', ['x'], ['y'])
    result = onnx.helper.make_tensor_value_info('y', onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], 'other', [value], [result])
    opset = onnx.helper.make_opsetid('', 18)
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=[opset]), tmp_path / 'other.onnx')
    for image, model, message in (
        ('none.png', 'other.onnx', f'{tmp_path}/none.png: file not found\n'),
        ('image.png', 'torn.onnx', f'{tmp_path}/torn.onnx: onnxruntime cannot read it'),
        ('image.png', 'other.onnx', f'{tmp_path}/other.onnx: was not written by tools/deployment/export.py\n'),
    ):
        assert run('python', DEMO, tmp_path / image, tmp_path / model, code=1).stdout.startswith(message)
    words = ['python', DEMO, tmp_path / 'image.png', tmp_path / 'other.onnx', '--font', 'none.ttf']
    assert run(*words, code=1).stdout == 'none.ttf: file not found\n'
