"""Weights of 8 bits: which layers have them, what they compute, and which files are written."""

import json
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mmtscam.apis.loading import load_model
from mmtscam.deployment import (
    METADATA_KEY,
    Agreement,
    CheckImage,
    ExportModel,
    Prediction,
    accuracy,
    compare,
    export_onnx,
    images_of_files,
    images_of_test_set,
    linear_layers,
    load_exported,
    open_onnx,
    predict,
    quantization,
    quantize,
    quantize_file,
)
from mmtscam.evaluation import LocAccuracy
from mmtscam.localization import PROTOCOLS

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
helper, numpy_helper = pytest.importorskip('onnx.helper'), pytest.importorskip('onnx.numpy_helper')

WIDTH = 128


def weight(name, *shape, scale=0.1):
    generator = np.random.default_rng(sum(map(ord, name)))
    return numpy_helper.from_array((scale * generator.normal(size=shape)).astype(np.float32), name)


@pytest.fixture
def proto():
    """A graph in the shape of a transformer: patches, positions, attention, two layers, and a head with two outputs."""
    nodes = [
        ('Conv', ['images', 'patches'], 'embedded', dict(strides=[8, 8])),
        ('Shape', ['embedded'], 'shape', {}),
        ('Reshape', ['embedded', 'flat'], 'columns', {}),
        ('Transpose', ['columns'], 'rows', dict(perm=[0, 2, 1])),
        # Positions do not depend on pixels: this product is no layer.
        ('MatMul', ['resize', 'grid'], 'positions', {}),
        ('Add', ['rows', 'positions'], 'tokens', {}),
        ('MatMul', ['tokens', 'first'], 'a', {}),
        ('Transpose', ['a'], 'keys', dict(perm=[0, 2, 1])),
        ('MatMul', ['a', 'keys'], 'products', {}),
        ('Softmax', ['products'], 'attention', {}),
        ('MatMul', ['attention', 'a'], 'mixed', {}),
        ('MatMul', ['mixed', 'second'], 'b', {}),
        ('Relu', ['b'], 'c', {}),
        ('MatMul', ['c', 'last'], 'logits', {}),
        ('ReduceMean', ['logits', 'one'], 'pooled', dict(keepdims=0)),
        ('Softmax', ['pooled'], 'scores', {}),
        ('Transpose', ['logits'], 'planes', dict(perm=[0, 2, 1])),
        ('Reshape', ['planes', 'square'], 'maps', {}),
    ]
    made = [
        helper.make_node(kind, inputs, [output], f'node_{output}', **settings)
        for kind, inputs, output, settings in nodes
    ]
    constants = [
        weight('patches', WIDTH, 3, 8, 8, scale=5e-4),
        weight('resize', 16, 16),
        weight('grid', 16, WIDTH),
        weight('first', WIDTH, WIDTH, scale=0.03),
        weight('second', WIDTH, WIDTH),
        weight('last', WIDTH, 4),
        numpy_helper.from_array(np.array([0, WIDTH, -1]), 'flat'),
        numpy_helper.from_array(np.array([0, 4, 4, 4]), 'square'),
        numpy_helper.from_array(np.array([1]), 'one'),
    ]
    floats = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        made,
        'small',
        [helper.make_tensor_value_info('images', floats, ['batch', 3, 32, 32])],
        [helper.make_tensor_value_info(name, floats, None) for name in ('scores', 'maps')],
        constants,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid('', 18)])
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps({'any': 'thing'})
    return model


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), np.uint8)


def check_images(count=6):
    return [CheckImage(pixels) for pixels in noise(count)]


def test_layers_are_products_with_a_weight_between_the_first_and_the_last(proto):
    assert linear_layers(proto) == ['node_a', 'node_b']


def test_weights_have_7_bits_a_scale_for_each_channel_and_the_rest_is_in_halves(proto):
    before = proto.SerializeToString()
    quantized = quantize(proto, ['node_a', 'node_b'])
    assert proto.SerializeToString() == before
    onnx.checker.check_model(quantized, full_check=True)
    arrays = {each.name: numpy_helper.to_array(each) for each in quantized.graph.initializer}
    originals = {each.name: numpy_helper.to_array(each) for each in proto.graph.initializer}
    for name in ('first', 'second'):
        integers, scales = arrays[f'{name}_quantized'], arrays[f'{name}_scale']
        assert integers.dtype == np.int8
        assert np.abs(integers.astype(int)).max() == 64
        assert scales.shape == (WIDTH,)
        # Rounding is off by half a step at most.
        assert (np.abs(integers * scales - originals[name]) <= 0.5001 * scales).all()
    assert arrays['patches_half'].dtype == np.float16
    assert 'patches' not in arrays
    assert arrays['last'].dtype == np.float32  # small
    operators = [node.op_type for node in quantized.graph.node]
    assert operators.count('MatMulInteger') == 2
    assert operators.count('MatMul') == 4
    assert {entry.domain for entry in quantized.opset_import} <= {'', 'ai.onnx'}
    assert len(quantized.SerializeToString()) < 0.5 * len(before)
    run, metadata = open_onnx(quantized.SerializeToString())
    assert metadata == {'any': 'thing', 'int8_layers': 2}
    expected = open_onnx(before)[0](noise(3).astype(np.float32))
    for ours, theirs in zip(run(noise(3).astype(np.float32)), expected, strict=True):
        assert 0 < np.abs(ours - theirs).max() < 0.1 * np.abs(theirs).max()


def test_weights_beyond_half_precision_keep_theirs(proto):
    for index, each in enumerate(proto.graph.initializer):
        if each.name == 'grid':
            proto.graph.initializer[index].CopyFrom(weight('grid', 64, WIDTH, scale=1e6))
    names = {each.name for each in quantize(proto, ['node_a']).graph.initializer}
    assert {'grid', 'patches_half', 'first_quantized', 'second_half'} <= names


def test_a_graph_without_layers_is_refused(proto):
    with pytest.raises(ValueError, match='no linear layers between its first and last ones: 8 bits bring nothing'):
        quantize(proto, [])


@pytest.mark.parametrize('missing', ['onnx', 'onnxruntime.quantization'])
def test_missing_packages_are_named(missing, proto, tmp_path, monkeypatch):
    onnx.save(proto, tmp_path / 'model.onnx')
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=f'{missing} is not installed.*: pip install onnx onnxscript onnxru'):
        quantize_file(tmp_path / 'model.onnx', check_images(), PROTOCOLS['tscam'], least=0.8)


def test_a_file_is_replaced_where_enough_images_keep_class_and_box(proto, tmp_path):
    path = tmp_path / 'model.onnx'
    onnx.save(proto, path)
    protocol = PROTOCOLS['tscam']
    images = check_images()
    expected = predict(open_onnx(str(path))[0], images, protocol)
    result = quantize_file(path, images, protocol, least=0.01)
    assert (result.layers, result.quantized) == (2, 2)
    run, metadata = load_exported(path, onnx=True)
    assert metadata['int8_layers'] == 2
    for ours, theirs in ((result.before, expected), (result.after, predict(run, images, protocol))):
        assert [each.label for each in ours] == [each.label for each in theirs]
        assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(ours, theirs, strict=True))
    assert [file.name for file in tmp_path.iterdir()] == ['model.onnx']


def test_the_layer_that_loses_most_is_left_out_first(proto, tmp_path, monkeypatch):
    # A weight with one huge column per row of inputs loses more with 8 bits: the input's range is one for all.
    for each in proto.graph.initializer:
        if each.name == 'first':
            values = numpy_helper.to_array(each).copy()
            values[:, 0] *= 300
            each.CopyFrom(numpy_helper.from_array(values, 'first'))
    path = tmp_path / 'model.onnx'
    onnx.save(proto, path)
    tried = []
    original = quantization.quantize
    monkeypatch.setattr(quantization, 'quantize', lambda graph, layers: tried.append(layers) or original(graph, layers))
    agreements = iter([Agreement(6, 6, 3), Agreement(6, 6, 5)])
    monkeypatch.setattr(quantization, 'compare', lambda before, after: next(agreements))
    result = quantize_file(path, check_images(), PROTOCOLS['tscam'], least=0.8)
    assert tried == [['node_a', 'node_b'], ['node_a'], ['node_b'], ['node_a']]
    assert (result.layers, result.quantized) == (2, 1)


def test_a_file_stays_where_too_many_images_change(proto, tmp_path, monkeypatch):
    path = tmp_path / 'model.onnx'
    onnx.save(proto, path)
    before = path.read_bytes()
    monkeypatch.setattr(quantization, 'compare', lambda before, after: Agreement(6, 5, 4))
    message = (
        '4 of 6 images keep class and box with 8 bits, even where 1 of 2 layers have floating point; min_kept is 0.8'
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        quantize_file(path, check_images(), PROTOCOLS['tscam'], least=0.8)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ['model.onnx']


def prediction(label, *boxes):
    return Prediction(label, np.array(boxes), None)


def test_agreement():
    box, near, far = (0, 0, 99, 99), (0, 0, 94, 99), (0, 0, 80, 99)
    before = [prediction(0, box), prediction(1, box), prediction(2, box), prediction(3, box), prediction(4, box, far)]
    after = [
        prediction(0, near),
        prediction(0, box),
        prediction(2, far),
        prediction(3, box, far),
        prediction(4, far, box),
    ]
    assert compare(before, after) == Agreement(images=5, same_class=4, same_box=2)


def test_accuracy_without_truth_is_empty():
    assert accuracy([prediction(0, (0, 0, 1, 1))], PROTOCOLS['tscam']) == {}


def test_images_of_the_test_set_and_their_accuracy(tiny_config, checkpoint):
    """The numbers are those of the test loop's metric on the same maps."""
    model = ExportModel(load_model(tiny_config, checkpoint))
    protocol = model.head.settings.protocol
    images = images_of_test_set(tiny_config, (80, 80), most=500)
    assert len(images) == 16
    assert {(image.pixels.shape, image.pixels.dtype.name) for image in images} == {((3, 80, 80), 'uint8')}

    def run(pixels):
        with torch.no_grad():
            return [output.numpy() for output in model(torch.from_numpy(pixels))]

    predictions = predict(run, images, protocol)
    # The model itself takes BGR.
    pixels = torch.stack([torch.from_numpy(image.pixels[::-1].copy()) for image in images])
    inputs = model.model.data_preprocessor(dict(inputs=pixels))['inputs']
    logits = model.model(inputs).softmax(dim=1)
    assert [each.label for each in predictions] == logits.argmax(dim=1).tolist()
    metric = LocAccuracy(protocol, topk=1)
    maps = run(np.stack([image.pixels for image in images]).astype(np.float32))[1]
    for image, scores, each in zip(images, logits, maps, strict=True):
        class_maps = dict(labels=np.arange(len(each)), maps=each)
        metric.process({}, [dict(image.truth, pred_score=scores.detach(), class_maps=class_maps)])
    expected = metric.evaluate(len(images))
    found = accuracy(predictions, protocol)
    assert sorted(found) == ['gt_known', 'loc_top1']
    assert found == {name: pytest.approx(expected[f'{protocol.name}/{name}'], abs=0.01) for name in found}


def test_fewer_images_and_another_size(tiny_config):
    images = images_of_test_set(tiny_config, (40, 64), most=3)
    assert [image.pixels.shape for image in images] == [(3, 40, 64)] * 3
    tiny_config.test_dataloader.dataset.boxes = None
    assert {image.truth for image in images_of_test_set(tiny_config, (40, 64), most=2)} == {None}
    tiny_config.test_dataloader.dataset.pipeline.insert(-1, dict(type='mmpretrain.CenterCrop', crop_size=32))
    with pytest.raises(ValueError, match='its test pipeline makes images of 32x32, not of 40x64'):
        images_of_test_set(tiny_config, (40, 64), most=2)


def test_images_of_files(tmp_path):
    Image.new('RGB', (20, 10), (200, 100, 50)).save(tmp_path / 'a.png')
    (image,) = images_of_files([str(tmp_path / 'a.png')], (16, 24))
    (tmp_path / 'cut.png').write_bytes((tmp_path / 'a.png').read_bytes()[:-40])
    with pytest.raises(OSError, match=r'cut.png: cannot be read as an image: cannot identify image file$'):
        images_of_files([str(tmp_path / 'cut.png')], (16, 24))
    assert image.pixels.shape == (3, 16, 24)
    assert image.pixels[:, 0, 0].tolist() == [200, 100, 50]
    assert image.truth is None


@pytest.mark.slow
def test_layers_of_a_real_export(tiny_config, checkpoint, tmp_path):
    """All linear layers of the blocks, and nothing else."""
    pytest.importorskip('onnxscript')
    model = ExportModel(load_model(tiny_config, checkpoint))
    export_onnx(model, tmp_path / 'model.onnx', {}, (80, 80))
    proto = onnx.load(tmp_path / 'model.onnx')
    shapes = {each.name: tuple(each.dims) for each in proto.graph.initializer}
    inputs = {node.name: node.input for node in proto.graph.node}
    found = sorted(shapes[inputs[name][1]] for name in linear_layers(proto))
    assert found == sorted([(32, 96), (32, 32), (32, 64), (64, 32)] * 2)
