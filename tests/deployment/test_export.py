"""Exported graphs against the models they come from."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.models.backbones import vision_transformer
from tscam_models import DEIT, NUM_CLASSES, build_model

from mmtscam.apis.loading import load_model
from mmtscam.datasets.transforms import LoadResizedImage
from mmtscam.deployment import (
    METADATA_KEY,
    ExportModel,
    export,
    export_metadata,
    export_onnx,
    export_program,
    pipeline_input_size,
    trace,
)
from mmtscam.deployment.check import largest_differences, load_exported, model_outputs, time_in_turn
from mmtscam.localization import PROTOCOLS, map_to_boxes
from mmtscam.registry import MODELS

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
SMALLEST = {**DEIT['arch'], 'num_layers': 2}
NORMALIZATION = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 55.0, 50.0], to_rgb=True)


def small(backbone='deit', head='TSCAMHead', to_rgb=True, **kwargs):
    """A small model that normalises."""
    model = build_model(backbone, head, **kwargs)
    preprocessor = dict(type='mmpretrain.ClsDataPreprocessor', **{**NORMALIZATION, 'to_rgb': to_rgb})
    model.data_preprocessor = MODELS.build(preprocessor)
    return ExportModel(model)


def cam():
    """A small convolutional network with CAM."""
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', **NORMALIZATION),
            backbone=dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8),
            head=dict(type='CAMHead', num_classes=NUM_CLASSES, in_channels=64, threshold=0.2),
        )
    )
    model.init_weights()
    return ExportModel(model)


def noise(batch, height, width):
    return np.random.default_rng(0).uniform(0, 255, (batch, 3, height, width)).astype(np.float32)


def mode(name):
    def build():
        model = small()
        model.head.settings = model.head.settings_with(map_kind=name)
        return model

    return build


KINDS = {
    'coupled': small,
    'attention': mode('attention'),
    'semantic': mode('semantic'),
    'bgr': lambda: small(to_rgb=False),
    'rollout': lambda: small(attn_aggregation='rollout', arch=SMALLEST),
    'class token': lambda: small(head='ClassTokenHead'),
    'conformer': lambda: small('conformer'),
    'cam': cam,
}
# Square, as traced; not square; with more patches than either.
SIZES = ((1, 32, 32), (3, 40, 24), (2, 56, 72))


def assert_computes_the_same(model, run, sizes=SIZES, patch=8):
    for batch, height, width in sizes:
        images = noise(batch, height * patch // 8, width * patch // 8)
        differences = largest_differences(model, run, images)
        assert tuple(differences) == model.output_names
        assert max(differences.values()) < 1e-5
        outputs = run(images)
        assert outputs[1].shape[:2] == (batch, NUM_CLASSES)


def in_eager_mode(function):
    def run(images):
        with torch.no_grad():
            return [output.numpy() for output in function(torch.from_numpy(images))]

    return run


@pytest.mark.parametrize('kind', KINDS)
def test_wrapper_computes_what_the_model_does(kind):
    model = KINDS[kind]()
    assert_computes_the_same(model, in_eager_mode(model), patch=16)


@pytest.mark.parametrize(('kind', 'patch'), [('rollout', 8), ('cam', 32)])
def test_traced_for_any_size(kind, patch):
    model = KINDS[kind]()
    program = trace(model, (4 * patch, 4 * patch))
    assert_computes_the_same(model, in_eager_mode(program.module()), patch=patch)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """A model with the files that were exported of it."""
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    init_default_scope('mmtscam')
    folder = tmp_path_factory.mktemp('exported') / 'new'
    model = small(arch=SMALLEST)
    export_onnx(model, folder / 'model.onnx', {'any': 'thing'}, (32, 32))
    export_program(model, folder / 'model.pt2', {'any': 'thing'}, (32, 32))
    return model, folder


@pytest.mark.parametrize('name', ['model.onnx', 'model.pt2'])
def test_files_take_any_size(files, name):
    model, folder = files
    assert {path.name for path in folder.iterdir()} == {'model.onnx', 'model.pt2'}
    run, metadata = load_exported(folder / name, onnx=name.endswith('onnx'))
    assert metadata == {'any': 'thing'}
    assert_computes_the_same(model, run)
    assert run(noise(2, 48, 32))[1].shape == (2, NUM_CLASSES, 6, 4)


def test_onnx_file_is_in_order(files):
    _, folder = files
    onnx = pytest.importorskip('onnx')
    proto = onnx.load(folder / 'model.onnx')
    onnx.checker.check_model(proto, full_check=True)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*proto.graph.input, *proto.graph.output)
    }
    assert shapes == {
        'images': ['batch', 3, 'height', 'width'],
        'scores': ['batch', NUM_CLASSES],
        'maps': ['batch', NUM_CLASSES, 'map_height', 'map_width'],
        'attention': ['batch', 'map_height', 'map_width'],
    }
    assert b'site-packages' not in (folder / 'model.onnx').read_bytes()
    # Operators that other runtimes have not, or not for sizes that are unknown.
    operators = [node.op_type for node in proto.graph.node]
    assert not {'Resize', 'Tile', 'ScatterND', 'Where', 'If', 'Loop', 'Cast', 'Range', 'Min', 'Clip'} & {*operators}
    assert max(len(node.attribute[0].ints) for node in proto.graph.node if node.op_type == 'Transpose') == 4
    # Converters to fp16 cast an output, which nothing within the graph must take for its own.
    outputs, taken = (
        {value.name for value in proto.graph.output},
        {name for node in proto.graph.node for name in node.input},
    )
    assert not outputs & taken
    assert operators.count('Identity') == 1


def test_programs_keep_the_fused_attention(files):
    """It is faster in PyTorch, and a program with fewer nodes loads faster."""
    _, folder = files
    program = torch.export.load(folder / 'model.pt2')
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count('aten.scaled_dot_product_attention.default') == 2


def test_conformer_takes_multiples_of_its_patch():
    model = small('conformer')
    run = in_eager_mode(trace(model, (64, 64)).module())
    assert_computes_the_same(model, run, patch=16)
    with pytest.raises(AssertionError, match='% 16 == 0'):
        run(noise(2, 70, 64))


def test_maps_of_half_precision_leave_in_full():
    model = small()
    maps = model.head.maps
    model.head.maps = lambda feats, labels=None: {name: each.half() for name, each in maps(feats, labels).items()}
    assert {output.dtype for output in model(torch.from_numpy(noise(1, 64, 64)))} == {torch.float32}


def test_fixed_size():
    model = small()
    run = in_eager_mode(trace(model, (40, 24), fixed_size=True).module())
    assert_computes_the_same(model, run, ((1, 40, 24), (3, 40, 24)))
    with pytest.raises(AssertionError, match='40'):
        run(noise(1, 32, 24))


def test_what_cannot_take_every_size_says_so():
    """Padding on all sides, for one: it depends on the size."""
    model = small(patch_cfg=dict(padding='same'))
    with pytest.raises(
        ValueError, match=r'this model \(TSCAMDeiT\) cannot be exported for every input size; export it for one size'
    ):
        trace(model, (40, 40))
    run = in_eager_mode(trace(model, (40, 40), fixed_size=True).module())
    assert_computes_the_same(model, run, ((3, 40, 40),))


def test_padding_that_the_exporter_never_finishes_is_refused():
    """That of EfficientNet: it depends on the size in each layer."""
    layer = pytest.importorskip('timm.layers').Conv2dSame(3, 3, 3, stride=2)
    model = small(arch=SMALLEST)
    model.model.backbone.add_module('stem', layer)
    with pytest.raises(ValueError, match=r'pads each layer as its input.s size wants it.* with fixed_size=True'):
        trace(model, (40, 40))
    trace(model, (40, 40), fixed_size=True)


def test_patches_that_overlap_take_any_size():
    model = small(arch=SMALLEST, img_size=36, patch_cfg=dict(stride=4))
    assert_computes_the_same(model, in_eager_mode(trace(model, (36, 36)).module()))


def test_what_is_replaced_while_tracing_is_put_back():
    before = vision_transformer.resize_pos_embed
    trace(small(arch=SMALLEST), (32, 32))
    assert vision_transformer.resize_pos_embed is before
    with pytest.raises(ValueError, match='cannot be exported'):
        trace(small(patch_cfg=dict(padding='same')), (40, 40))
    assert vision_transformer.resize_pos_embed is before


def test_heads_without_maps_are_refused():
    model = build_model()
    loss = dict(type='mmpretrain.CrossEntropyLoss')
    model.head = MODELS.build(dict(type='mmpretrain.LinearClsHead', num_classes=3, in_channels=8, loss=loss))
    with pytest.raises(ValueError, match='LinearClsHead cannot be exported: it makes no maps'):
        ExportModel(model)


def test_maps_of_all_classes_in_many_passes():
    """ACoL makes the map of each class by a pass of its own."""
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='mmpretrain.ResNet', depth=18, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,)
            ),
            head=dict(type='ACoLHead', num_classes=3, in_channels=128, hidden_channels=(4,)),
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
        )
    )
    exported, images = ExportModel(model), noise(2, 64, 64)
    program = trace(exported, (64, 64)).module()
    for ours, theirs in zip(model_outputs(exported, images), program(torch.from_numpy(images)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_differences_are_seen():
    model, images = small(), noise(2, 32, 32)
    outputs = [output.numpy() for output in model_outputs(model, images)]
    scaled = [outputs[0], outputs[1] * (1 + 1e-3), outputs[2]]
    differences = largest_differences(model, lambda _: scaled, images)
    assert differences == {'scores': 0, 'maps': pytest.approx(1e-3, rel=0.01), 'attention': 0}
    broken = [outputs[0] * np.nan, outputs[1], outputs[2][:, :2]]
    differences = largest_differences(model, lambda _: broken, images)
    assert differences == {'scores': np.inf, 'maps': 0, 'attention': np.inf}


def test_time_in_turn():
    model, calls = small(), []
    ours, exported = time_in_turn(model, calls.append, noise(2, 32, 32), rounds=3)
    assert ours > exported >= 0
    assert len(calls) == 6  # once before each that is timed


@pytest.mark.parametrize('missing', ['onnx', 'onnxscript', 'onnxruntime'])
def test_missing_packages_are_named(missing, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    call = (
        (lambda: load_exported(tmp_path / 'model.onnx', onnx=True))
        if missing == 'onnxruntime'
        else (lambda: export_onnx(small(), tmp_path / 'model.onnx', {}, (32, 32)))
    )
    if missing != 'onnx':
        pytest.importorskip('onnx')
    with pytest.raises(ModuleNotFoundError, match=f'{missing} is not installed.*: pip install onnx onnxscript onnx'):
        call()


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    (tmp_path / 'model.onnx').write_text('before')
    # The exporter goes back to no older opset than its own.
    proto = onnx.ModelProto(opset_import=[onnx.helper.make_opsetid('', 18)])
    monkeypatch.setattr(torch.onnx, 'export', lambda *args, **kwargs: SimpleNamespace(model_proto=proto))
    model = small(arch=SMALLEST)
    with pytest.raises(ValueError, match='opset 9 does not work for this model, 18 does: leave it out'):
        export_onnx(model, tmp_path / 'model.onnx', {}, (32, 32), opset=9)
    monkeypatch.setattr(export, '_ONNX_LIMIT', 1000)
    with pytest.raises(ValueError, match=re.escape('export to .pt2')):
        export_onnx(model, tmp_path / 'model.onnx', {}, (32, 32))
    assert (tmp_path / 'model.onnx').read_text() == 'before'
    assert [path.name for path in tmp_path.iterdir()] == ['model.onnx']


def test_program_runs_without_openmmlab(files, tmp_path):
    model, folder = files
    images = noise(1, 48, 40)
    np.save(tmp_path / 'images.npy', images)
    code = f"""
import sys
for name in ('mmtscam', 'mmengine', 'mmpretrain', 'mmdet', 'mmcv'):
    sys.modules[name] = None
import numpy as np, torch
extra = {{'{METADATA_KEY}': ''}}
program = torch.export.load(r'{folder}/model.pt2', extra_files=extra)
print(extra['{METADATA_KEY}'])
scores, maps, attention = program.module()(torch.from_numpy(np.load(r'{tmp_path}/images.npy')))
np.save(r'{tmp_path}/maps.npy', maps.detach().numpy())
"""
    process = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    assert json.loads(process.stdout) == {'any': 'thing'}
    expected = model_outputs(model, images)[1].numpy()
    assert np.abs(np.load(tmp_path / 'maps.npy') - expected).max() < 1e-5 * np.abs(expected).max()


def test_metadata(tiny_config, tmp_path):
    model = MODELS.build(tiny_config.copy().model)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    exported = ExportModel(load_model(tiny_config, tmp_path / 'model.pth'))
    assert exported.model.training is False
    metadata = export_metadata(exported, tiny_config, str(tmp_path / 'model.pth'), pipeline_input_size(tiny_config))
    metadata = json.loads(json.dumps(metadata))
    assert metadata['input_size'] == [80, 80]
    assert metadata['classes'][:2] == ['Crested_Zeb', 'Horned_Ember']
    assert (metadata['protocol']['name'], metadata['protocol']['threshold']) == ('tscam', 0.05)
    assert metadata['protocol']['frame'] == [224, 224]
    assert metadata['mean'] == pytest.approx([123.675, 116.28, 103.53])
    assert (metadata['map_kind'], metadata['num_classes'], metadata['fixed_size']) == ('coupled', 8, False)
    assert len(metadata['checkpoint_sha256']) == 64


@pytest.mark.parametrize(
    ('scale', 'size'),
    [((48, 32), (32, 48)), (64, (64, 64))],
)
def test_input_size_of_the_pipeline(scale, size):
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadResizedImage', scale=scale)]))))
    assert pipeline_input_size(cfg) == size


def test_pipeline_without_a_size():
    with pytest.raises(ValueError, match='name an input_size'):
        pipeline_input_size(Config(dict(test_dataloader=None)))


def test_real_images_and_weights(assets, repo, tmp_path):
    """DeiT-Tiny on birds, at the size of training and at others: the same maps, and the same boxes."""
    for package in ('onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub_released.py')
    cfg.model.head.num_classes = 10
    cfg.model.backbone.init_cfg.checkpoint = str(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')
    model = MODELS.build(cfg.model)
    model.init_weights()
    golden = np.load(assets / 'golden' / 'tscam_model.npz')
    with torch.no_grad():
        model.head.conv.weight.copy_(torch.from_numpy(golden['head_weight']))
        model.head.conv.bias.copy_(torch.from_numpy(golden['head_bias']))
    model = ExportModel(model)
    export_onnx(model, tmp_path / 'model.onnx', {}, (224, 224))
    assert (tmp_path / 'model.onnx').stat().st_size < 24e6
    run, _ = load_exported(tmp_path / 'model.onnx', onnx=True)

    files = sorted((assets / 'data' / 'CUB_200_2011' / 'images').glob('*/*.jpg'))[::160]
    assert len(files) >= 3
    for height, width in ((224, 224), (256, 256), (320, 224)):
        resize = LoadResizedImage(scale=(width, height))
        pixels = np.stack([resize.transform(dict(img_path=str(file)))['img'][..., ::-1] for file in files])
        images = pixels.transpose(0, 3, 1, 2).astype(np.float32)
        assert max(largest_differences(model, run, images).values()) < TOLERANCE
        scores, maps, _ = run(images)
        expected_scores, expected_maps, _ = model_outputs(model, images)
        labels = scores.argmax(1)
        assert labels.tolist() == expected_scores.argmax(1).tolist()
        for index, label in enumerate(labels):
            boxes = [map_to_boxes(np.asarray(each[index, label]), PROTOCOLS['tscam']) for each in (maps, expected_maps)]
            assert np.abs(boxes[0] - boxes[1]).max() <= 1
