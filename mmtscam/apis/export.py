"""Export to ONNX and torch.export: one graph from the pixels to scores and maps."""

import json
import logging
import os
import os.path as osp
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import AdaptivePadding
from mmengine.config import Config
from mmengine.model import BaseModel
from mmpretrain.models.backbones import vision_transformer
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from mmtscam.utils.files import file_sha256, unfinished
from mmtscam.localization import aggregate_attention, explicit_attention, localization_maps
from mmtscam.models.heads import Activation, BaseLocHead, TSCAMHead
from mmtscam.models.utils import ClassAttentionMixin, class_attention
from mmtscam.version import __version__

from .loading import class_names
from .pipelines import find_pipeline

# Under which a file keeps what is not in its graph, as JSON.
METADATA_KEY = 'mmtscam'
INSTALL_ONNX = 'pip install onnx onnxscript onnxruntime'
# Of a file of protocol buffers, which ONNX's are.
_ONNX_LIMIT = 2**31
# The shape to trace with: none of these numbers may be taken for another one.
_BATCH, _WIDER = 2, 64


class ExportModel(nn.Module):
    """What an exported file computes; apart from the model, which stays as it is.

    Normalises with the model's own mean and standard deviation, so that who
    runs the file needs no constants, and makes the maps of all classes.

    Args:
        model: A classifier of mmpretrain's with one of our heads; put into
            evaluation.

    Raises:
        ValueError: If the head gives no maps of all classes at once.
    """

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        head = model.head
        if not isinstance(head, BaseLocHead) or type(head).select_maps is not BaseLocHead.select_maps:
            raise ValueError(
                f'{type(head).__name__} cannot be exported: it does not make the maps of all classes at once; '
                'TSCAMHead, ClassTokenHead, CAMHead and SPGHead do'
            )
        self.model = model.eval()

    @property
    def head(self) -> BaseLocHead:
        """The model's head."""
        return self.model.head

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what :meth:`forward` returns."""
        with_attention = isinstance(self.model.backbone, ClassAttentionMixin)
        return ('scores', 'maps', 'attention') if with_attention else ('scores', 'maps')

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Classify and localise.

        Args:
            images: ``(B, 3, H, W)`` ``float32`` RGB in 0 to 255.

        Returns:
            ``scores`` ``(B, C)`` that sum to 1; ``maps`` ``(B, C, h, w)``, of
            the head's ``map_mode`` (coupled: Eqs. 6 and 7); where the backbone
            has class attention, ``attention`` ``(B, h, w)``, A*.
        """
        prepare = self.model.data_preprocessor
        inputs = images if prepare.to_rgb else images.flip(1)
        if prepare._enable_normalize:
            inputs = (inputs - prepare.mean) / prepare.std
        activation = self._activate(self.model.extract_feat(inputs))
        scores = activation.logits.softmax(dim=1)
        attention, semantic = activation.attention, activation.semantic
        if attention is None:
            assert semantic is not None  # one of the two is there
            return scores, semantic
        if semantic is None:
            return scores, attention.unsqueeze(1).expand(-1, scores.shape[1], -1, -1).contiguous(), attention
        return scores, localization_maps(attention, semantic)[self.head.map_mode], attention

    def _activate(self, feats: Any) -> Activation:
        """As the head does, but with all semantic maps; their means are the logits then (Eq. 4)."""
        if not isinstance(self.head, TSCAMHead):
            return self.head.activate(feats)
        semantic = self.head.semantic_maps(feats)
        logits = semantic.mean(dim=(2, 3))
        if self.head.fc is not None:
            logits = logits + self.head.fc(feats.pooled)
        return Activation(logits, semantic, aggregate_attention(feats.attention))


def pipeline_input_size(cfg: Config) -> tuple[int, int]:
    """Height and width to which a config's test pipeline resizes images.

    Raises:
        ValueError: If there is none, or no transform of it names a ``scale``.
    """
    try:
        scales = [step['scale'] for step in find_pipeline(cfg) if step.get('scale')]
    except ValueError as error:
        raise ValueError(f'{error}, or name the size with --input-size') from error
    if not scales:
        raise ValueError('the test pipeline of the config resizes to no scale: name the size with --input-size')
    width, height = (scales[-1], scales[-1]) if isinstance(scales[-1], int) else scales[-1]
    return height, width


def export_metadata(
    model: ExportModel, cfg: Config, checkpoint: str, input_size: tuple[int, int], fixed_size: bool = False
) -> dict[str, Any]:
    """What whoever runs an exported file has to know, beside the graph.

    Args:
        model: The model.
        cfg: Its config.
        checkpoint: Where its weights came from.
        input_size: ``(height, width)`` to which images are resized.
        fixed_size: Whether the graph takes no other.

    Returns:
        Plain data: how to prepare an image, the names of the classes (or
        ``None``), the protocol's fields, among them frame and threshold, and
        the origin.
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
        'map_mode': model.head.map_mode,
        'protocol': asdict(model.head.protocol),
    }


def trace(model: ExportModel, input_size: tuple[int, int], fixed_size: bool = False) -> ExportedProgram:
    """Trace the graph, for any batch size and, unless it is fixed, any input size.

    Args:
        model: The model, on the CPU.
        input_size: ``(height, width)``; where other sizes work too, only a
            hint.
        fixed_size: Whether the graph is to take this size alone.

    Returns:
        The program, which takes ``images`` and returns a tuple, see
        :meth:`ExportModel.forward`. Sides of less than two patches are
        refused, and for a Conformer those that are no multiples of 16.

    Raises:
        ValueError: If the model cannot be traced.
    """
    height, width = input_size
    dynamic = {0: Dim.DYNAMIC, **({} if fixed_size else {2: Dim.DYNAMIC, 3: Dim.DYNAMIC})}
    images = torch.zeros(_BATCH, 3, height, width if fixed_size else width + _WIDER)
    try:
        with torch.no_grad(), _any_size(not fixed_size), _quietly():
            return torch.export.export(model, (images,), dynamic_shapes=(dynamic,), strict=False)
    except Exception as error:  # what cannot be traced fails in any way
        backbone = type(model.model.backbone).__name__
        if fixed_size:
            what, remedy = f'at {height}x{width}', ''
        else:
            what, remedy = 'for every input size', '; export it for one size with --fixed-size (fixed_size=True)'
        raise ValueError(
            f'this model ({backbone}) cannot be exported {what}{remedy}. The exporter says: '
            f'{" ".join(str(error).split())[:400]}'
        ) from error


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
        input_size: As for :func:`trace`.
        fixed_size: As for :func:`trace`.

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
    """Write an ONNX file, all in one.

    Args:
        model: The model.
        path: File to write; its folder is created.
        metadata: Kept as JSON among the file's properties, under
            :data:`METADATA_KEY`.
        input_size: As for :func:`trace`.
        fixed_size: As for :func:`trace`.
        opset: Version of ONNX's operators; the exporter's own by default.

    Raises:
        ModuleNotFoundError: If onnx or onnxscript is not installed.
        ValueError: If the model cannot be traced, is too large, or needs
            another opset.
    """
    _check_onnx()
    if sum(value.nbytes for value in model.state_dict().values()) >= _ONNX_LIMIT:
        raise ValueError('the weights exceed the 2 GB that one ONNX file holds: export to .pt2')
    program = trace(model, input_size, fixed_size)
    with _quietly():
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
        raise ValueError(f'opset {opset} does not work for this model, {written} does: leave --opset out')
    _tidy(proto)
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
    """Name the axes for people; drop the exporter's notes, shapes within and stack traces with this machine's paths."""
    axes = {'images': ('batch', '', 'height', 'width'), 'scores': ('batch', '')}
    for value in [*proto.graph.input, *proto.graph.output]:
        names = axes.get(value.name, ('batch', '', 'map_height', 'map_width'))
        dims = value.type.tensor_type.shape.dim
        if value.name == 'attention':
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


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporters' remarks on their own work, page after page."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)


@contextmanager
def _any_size(enabled: bool) -> Iterator[None]:
    """Let the transformers' code be traced for any size, in place of what branches on the size at hand."""
    replacements: list[tuple[Any, str, Callable]] = [
        (vision_transformer, 'resize_pos_embed', _resize_pos_embed),
        (AdaptivePadding, 'forward', _pad_to_patches),
        (class_attention, 'attention_rollout', _rollout_at_once),
    ]
    originals = [getattr(owner, name) for owner, name, _ in replacements]
    try:
        for owner, name, replacement in replacements if enabled else ():
            setattr(owner, name, replacement)
        yield
    finally:
        for (owner, name, _), original in zip(replacements, originals, strict=True):
            setattr(owner, name, original)


def _resize_pos_embed(
    pos_embed: Tensor,
    src_shape: tuple[int, int],
    dst_shape: tuple[int, int],
    mode: str = 'bicubic',
    num_extra_tokens: int = 1,
) -> Tensor:
    """mmpretrain's, always interpolating, which to the same size changes nothing."""
    extra, grid = pos_embed[:, :num_extra_tokens], pos_embed[:, num_extra_tokens:]
    grid = grid.unflatten(1, tuple(src_shape)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=dst_shape, align_corners=False, mode=mode)
    return torch.cat([extra, grid.flatten(2).transpose(1, 2)], dim=1)


def _pad_to_patches(self: AdaptivePadding, x: Tensor) -> Tensor:
    """mmcv's, always padding, with none where the patches fit."""
    if self.padding != 'corner' or tuple(self.kernel_size) != tuple(self.stride) or set(self.dilation) != {1}:
        raise ValueError('patches that overlap')
    (height, width), (rows, columns) = x.shape[-2:], self.stride
    below, right = (height + rows - 1) // rows * rows - height, (width + columns - 1) // columns * columns - width
    return F.pad(x, [0, right, 0, below])


def _rollout_at_once(blocks: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """:func:`~mmtscam.localization.attention_rollout` without parts, whose number depends on the size."""
    row = torch.zeros_like(blocks[-1][0][:, 0, :, 0])
    row[:, 0] = 1
    for query, key in reversed(blocks):
        _, weights = explicit_attention(query, key, key)
        row = (row + (row.unsqueeze(1) @ weights.mean(dim=1)).squeeze(1)) / 2
    return row
