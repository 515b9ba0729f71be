"""Weights of 8 bits for the linear layers of an exported ONNX graph, which compute with integers then.

The graph measures the range of each layer's input anew for every batch
(dynamic quantization), so there is nothing to calibrate. Its operators are
ONNX's own, ``DynamicQuantizeLinear`` and ``MatMulInteger``.
"""

import copy
import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from mmtscam.localization import Protocol
from mmtscam.utils.files import unfinished

from .agreement import CheckImage, Prediction, compare, predict
from .check import open_onnx
from .export import INSTALL_ONNX
from .graph import METADATA_KEY
from .tracing import quietly

# Weights from this many numbers on are stored in half precision where they keep floating point.
_LARGE = 4096
_WEIGHTED = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
# How many images rank the layers.
_RANKED = 8
# These depend on an input's shape, not on its values.
_OF_SHAPES = ('Shape', 'Size')


def linear_layers(proto: Any) -> list[str]:
    """Names of the layers that can have 8 bits, in the order of the graph.

    They are the matrix products of tokens with a weight. The first and last
    layers with weights lose most, and are left out: those that see the pixels
    alone, such as the patch embedding, and those that no other layer follows,
    such as the head's convolution.

    Args:
        proto: ``onnx.ModelProto`` with names for all nodes, as
            :func:`export_onnx` writes it. Its input is ``images``.
    """
    graph = proto.graph
    weights = {weight.name: weight for weight in graph.initializer}
    nodes = [node for node in graph.node if node.op_type not in _OF_SHAPES]
    of_pixels, layers = {'images'}, {}
    for node in nodes:
        if of_pixels.isdisjoint(node.input):
            continue
        of_pixels.update(node.output)
        # A product of two activations is no layer, nor is what is done to position embeddings.
        if node.op_type in _WEIGHTED and node.input[0] in of_pixels and node.input[1] not in of_pixels:
            layers[node.name] = node
    after_layers, before_layers = set[str](), set[str]()
    first, last = set[str](), set[str]()
    for node in nodes:
        follows = not after_layers.isdisjoint(node.input)
        if node.name in layers and not follows:
            first.add(node.name)
        if node.name in layers or follows:
            after_layers.update(node.output)
    for node in reversed(nodes):
        precedes = not before_layers.isdisjoint(node.output)
        if node.name in layers and not precedes:
            last.add(node.name)
        if node.name in layers or precedes:
            before_layers.update(node.input)
    return [
        name
        for name, node in layers.items()
        if node.op_type == 'MatMul' and name not in first | last and len(_shape(weights.get(node.input[1]))) == 2
    ]


def _shape(weight: Any) -> tuple[int, ...]:
    return tuple(weight.dims) if weight is not None else ()


def quantize(proto: Any, layers: Sequence[str]) -> Any:
    """Give layers 8-bit weights, with a scale for each output channel.

    Weights use 7 of the 8 bits: processors with AVX2 that lack VNNI add
    products of 8 bits in pairs of 16 bits, which overflow unnoticed. With 7
    they cannot, so all processors compute the same. Large weights that keep
    floating point, such as the patch embedding's, are stored in half
    precision. A runtime makes them 32 bits when it loads the file.

    Args:
        proto: ``onnx.ModelProto``; it does not change.
        layers: Some of :func:`linear_layers`, at least one.

    Returns:
        A new ``onnx.ModelProto``. Its metadata has the number of these layers
        as ``int8_layers``.

    Raises:
        ModuleNotFoundError: If onnx or onnxruntime is not installed.
        ValueError: If no layer is named.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{error.name} is not installed, which 8 bits need: {INSTALL_ONNX}') from error
    if not layers:
        raise ValueError('this model has no linear layers between its first and last ones: 8 bits bring nothing')
    with quietly(), TemporaryDirectory() as folder:
        path = Path(folder) / 'quantized.onnx'
        quantize_dynamic(
            copy.deepcopy(proto),
            path,
            op_types_to_quantize=['MatMul'],
            nodes_to_quantize=list(layers),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        quantized = onnx.load(path)
    del quantized.graph.value_info[:]
    _store_halves(quantized.graph)
    for entry in quantized.metadata_props:
        if entry.key == METADATA_KEY:
            entry.value = json.dumps({**json.loads(entry.value), 'int8_layers': len(layers)})
    return quantized


class Quantized(NamedTuple):
    """The outcome for a file.

    Attributes:
        layers: How many linear layers there are, see :func:`linear_layers`.
        quantized: How many of them have 8 bits.
        before: The predictions of the file as it was.
        after: Those with 8 bits.
    """

    layers: int
    quantized: int
    before: list[Prediction]
    after: list[Prediction]


def quantize_file(path: str | os.PathLike, images: Sequence[CheckImage], protocol: Protocol, least: float) -> Quantized:
    """Quantize as many layers of a file as images allow, and put the new graph in its place.

    All layers are tried first. While too few images keep class and box, 1, 2,
    4, 8, ... layers are left out, those first that change the outputs most
    when they alone are quantized.

    Args:
        path: File of :func:`export_onnx`.
        images: Images to predict, at least one.
        protocol: Rules for drawing boxes, with a threshold.
        least: Share of the images that must keep class and box.

    Returns:
        How many layers have 8 bits, and the predictions before and after.

    Raises:
        ModuleNotFoundError: If onnx or onnxruntime is not installed.
        ValueError: If there are no linear layers, or too few images keep class
            and box with any number of them. The file stays as it was.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'onnx is not installed, which 8 bits need: {INSTALL_ONNX}') from error
    proto = onnx.load(path)
    before, layers, left_out = predict(open_onnx(os.fspath(path))[0], images, protocol), linear_layers(proto), 0
    while left_out == 0 or left_out < len(layers):
        content = quantize(proto, layers[left_out:]).SerializeToString()
        after = predict(open_onnx(content)[0], images, protocol)
        kept = compare(before, after)
        if kept.same_box >= least * kept.images:
            with unfinished(path) as temporary:
                temporary.write_bytes(content)
            return Quantized(len(layers), len(layers) - left_out, before, after)
        if left_out == 0:
            layers = _by_loss(proto, layers, [image.pixels for image in images[:_RANKED]])
        left_out = max(1, 2 * left_out)
    raise ValueError(
        f'{kept.same_box} of {kept.images} images keep class and box with 8 bits, even where {left_out // 2} of '
        f'{len(layers)} layers have floating point; min_kept is {least:g}'
    )


def _by_loss(proto: Any, layers: Sequence[str], images: Sequence[np.ndarray]) -> list[str]:
    """Layers, those first that change the outputs for images (3, H, W) most when they alone are quantized."""

    def outputs(graph: Any) -> list[list[np.ndarray]]:
        run, _ = open_onnx(graph.SerializeToString())
        return [list(run(image[None].astype(np.float32))) for image in images]

    def loss(layer: str) -> float:
        changed = outputs(quantize(proto, [layer]))
        return sum(
            float(np.abs(before - after).mean() / (np.abs(before).mean() or 1))
            for pair in zip(expected, changed, strict=True)
            for before, after in zip(*pair, strict=True)
        )

    expected = outputs(proto)
    return sorted(layers, key=loss, reverse=True)


def _store_halves(graph: Any) -> None:
    """Store large weights of 32 bits in 16, and let the graph begin with their conversion, which runtimes fold."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < _LARGE:
            continue
        with np.errstate(over='ignore'):
            halves = numpy_helper.to_array(weight).astype(np.float16)
        if np.isfinite(halves).all():
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(halves, f'{name}_half'))
            casts.append(helper.make_node('Cast', [f'{name}_half'], [name], f'{name}_float', to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
