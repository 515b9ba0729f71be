"""Export to ONNX and torch.export: one graph from the pixels to scores and maps."""

import json
import os
import os.path as osp
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from mmengine.config import Config

from mmtscam.apis.loading import class_names
from mmtscam.apis.pipelines import find_pipeline
from mmtscam.utils.files import file_sha256, unfinished
from mmtscam.version import __version__

from .graph import METADATA_KEY, ExportModel
from .tracing import quietly, trace

INSTALL_ONNX = 'pip install onnx onnxscript onnxruntime'
# Largest size in bytes of a file of protocol buffers, which ONNX files are.
_ONNX_LIMIT = 2**31


def pipeline_input_size(cfg: Config) -> tuple[int, int]:
    """Height and width to which a config's test pipeline resizes images.

    Raises:
        ValueError: If there is none, or no transform of it names a ``scale``.
    """
    try:
        scales = [step['scale'] for step in find_pipeline(cfg) if step.get('scale')]
    except ValueError as error:
        raise ValueError(f'{error}, or name an input_size') from error
    if not scales:
        raise ValueError('the test pipeline of the config resizes to no scale: name an input_size')
    width, height = (scales[-1], scales[-1]) if isinstance(scales[-1], int) else scales[-1]
    return height, width


def export_metadata(
    model: ExportModel, cfg: Config, checkpoint: str, input_size: tuple[int, int], fixed_size: bool = False
) -> dict[str, Any]:
    """Facts that a user of an exported file needs beside the graph.

    Args:
        model: The model.
        cfg: Its config.
        checkpoint: Where its weights came from.
        input_size: ``(height, width)`` to which images are resized.
        fixed_size: Whether the graph takes no other size.

    Returns:
        Plain data: how to prepare an image, the names of the classes (or
        ``None``), the kind of map in ``maps``, all kinds of the head, the
        protocol's fields, such as frame and threshold, and the origin.
    """
    prepare = model.model.data_preprocessor
    normalized = prepare._enable_normalize
    return {
        'mmtscam_version': __version__,
        'config': osp.basename(cfg.filename) if cfg.filename else None,
        'checkpoint': osp.basename(checkpoint),
        'checkpoint_sha256': file_sha256(checkpoint) if osp.isfile(checkpoint) else None,
        'input': '(B, 3, H, W) float32, RGB, 0 to 255; mean and std are applied within the graph',
        'input_size': list(input_size),
        'fixed_size': fixed_size,
        'mean': prepare.mean.flatten().tolist() if normalized else None,
        'std': prepare.std.flatten().tolist() if normalized else None,
        'num_classes': model.head.num_classes,
        'classes': list(class_names(cfg, checkpoint, model.head.num_classes)) or None,
        'map_kind': model.head.settings.map_kind,
        'map_kinds': [kind._asdict() for kind in model.head.map_kinds],
        'protocol': asdict(model.head.settings.protocol),
    }


def export_program(
    model: ExportModel,
    path: str | os.PathLike,
    metadata: Mapping[str, Any],
    input_size: tuple[int, int],
    fixed_size: bool = False,
) -> None:
    """Write a ``.pt2`` file, which ``torch.export.load`` reads without mmtscam.

    Args:
        model: The model.
        path: File to write; its folder is created.
        metadata: Kept as JSON in the extra file :data:`METADATA_KEY`.
        input_size: The same as for :func:`trace`.
        fixed_size: The same as for :func:`trace`.

    Raises:
        ValueError: If the model cannot be traced.
    """
    program = trace(model, input_size, fixed_size)
    with unfinished(path) as temporary, temporary.open('wb') as file:
        torch.export.save(program, file, extra_files={METADATA_KEY: json.dumps(metadata)})


def export_onnx(
    model: ExportModel,
    path: str | os.PathLike,
    metadata: Mapping[str, Any],
    input_size: tuple[int, int],
    fixed_size: bool = False,
    opset: int | None = None,
) -> None:
    """Write an ONNX file that holds the weights too.

    Args:
        model: The model.
        path: File to write; its folder is created.
        metadata: Kept as JSON among the file's properties, under
            :data:`METADATA_KEY`.
        input_size: The same as for :func:`trace`.
        fixed_size: The same as for :func:`trace`.
        opset: Version of ONNX's operators; the exporter's own by default.

    Raises:
        ModuleNotFoundError: If onnx or onnxscript is not installed.
        ValueError: If the model cannot be traced, is too large, or needs
            another opset.
    """
    _check_onnx()
    if sum(value.nbytes for value in model.state_dict().values()) >= _ONNX_LIMIT:
        raise ValueError('the weights exceed the 2 GB that one ONNX file holds: export to .pt2')
    program = trace(model, input_size, fixed_size, plain_attention=True)
    with quietly():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            input_names=['images'],
            output_names=list(model.output_names),
            opset_version=opset,
            verbose=False,
        )
    assert exported is not None  # None is what the old exporter returns
    proto = exported.model_proto
    written = next(entry.version for entry in proto.opset_import if not entry.domain)
    if opset not in (None, written):
        raise ValueError(f'opset {opset} does not work for this model, {written} does: leave it out')
    _tidy(proto)
    _separate_outputs(proto.graph)
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(metadata)
    with unfinished(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())


def _check_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{error.name} is not installed, which ONNX needs: {INSTALL_ONNX}') from error


def _tidy(proto: Any) -> None:
    """Give the axes readable names; drop inner shapes, the exporter's notes and its stack traces with local paths."""
    axes = {'images': ('batch', '', 'height', 'width'), 'scores': ('batch', '')}
    for value in [*proto.graph.input, *proto.graph.output]:
        names = axes.get(value.name, ('batch', '', 'map_height', 'map_width'))
        dims = value.type.tensor_type.shape.dim
        if value.name not in axes and len(dims) == 3:  # a class-agnostic map
            names = ('batch', 'map_height', 'map_width')
        for dim, name in zip(dims, names, strict=True):
            if dim.HasField('dim_param'):
                dim.dim_param = name
    del proto.graph.value_info[:]
    for part in (proto.graph, *proto.functions):
        del part.metadata_props[:]
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ''


def _separate_outputs(graph: Any) -> None:
    """Hand out what the graph also uses itself through an Identity: converters to fp16 cast the output alone then."""
    from onnx import helper

    used = {name for node in graph.node for name in node.input}
    for name in [output.name for output in graph.output if output.name in used]:
        inner = f'{name}_inner'
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [inner if each == name else each for each in names]
        graph.node.append(helper.make_node('Identity', [inner], [name], f'{name}_output'))
