"""Predicting the boxes of images, part by part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import default_collate
from mmengine.model import BaseModel
from mmengine.runner.amp import autocast
from torch.utils.data import DataLoader, Dataset

from mmtscam.engine.loaders import end_with_parent
from mmtscam.models.heads import LocSettings
from mmtscam.structures import LocDataSample
from mmtscam.utils.ahead import ahead
from mmtscam.utils.choices import LABELS
from mmtscam.utils.images import read_image, to_pipeline
from mmtscam.utils.views import first_sample, input_shapes

from .image_rows import ImageRow
from .parts import PartFolder


@dataclass(frozen=True)
class LabelSettings:
    """Which classes of an image get boxes.

    Args:
        labels: ``'known'``: the image's own class. ``'predicted'``: the
            classes with at least ``score_thr``.
        score_thr: Lowest score, in [0, 1], of a class that gets a box. Among
            predicted classes it chooses, and must be above 0.
        class_agnostic: Whether every box is of the one class ``object``.
        no_object: Labels of classes whose images show no object, and which
            get no box.

    Raises:
        ValueError: If a value is out of range.
    """

    labels: str = 'known'
    score_thr: float = 0.0
    class_agnostic: bool = False
    no_object: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the values."""
        if self.labels not in LABELS:
            raise ValueError(f'labels must be one of {LABELS}, got {self.labels!r}')
        if not 0 <= self.score_thr <= 1 or (self.labels == 'predicted' and not self.score_thr):
            bounds = '(0, 1]' if self.labels == 'predicted' else '[0, 1]'
            raise ValueError(f'score_thr must be in {bounds}, got {self.score_thr}')

    def drawn(self, loc_settings: LocSettings, num_classes: int) -> LocSettings:
        """Settings for drawing boxes: of predicted classes, those of as many as can reach the threshold."""
        if self.labels == 'known':
            return loc_settings
        return replace(loc_settings, topk=min(int(1 / self.score_thr), num_classes))  # scores sum to 1


def label_parts(
    model: BaseModel,
    pipeline: Sequence[dict],
    rows: Sequence[ImageRow],
    folder: PartFolder,
    parts: Sequence[int],
    settings: LabelSettings,
    loc_settings: LocSettings | None = None,
    batch_size: int = 32,
    num_workers: int = 2,
    amp_dtype: torch.dtype | None = None,
    advance: Callable[[int], Any] = lambda images: None,
) -> None:
    """Label the images of some parts, and write the parts.

    Batches end with their part, so they are the same whichever process
    computes them.

    Args:
        model: The classifier, in evaluation, with a head of this package, or
            a :class:`~mmtscam.models.LocTTAModel` of one.
        pipeline: Steps from an image that is read to the packed sample, see
            :func:`~mmtscam.apis.pipelines.image_pipeline`.
        rows: The images.
        folder: Where the parts go.
        parts: Numbers of the parts to make.
        settings: Settings of labelling: classes and boxes.
        loc_settings: Settings for drawing boxes; the head's own by default.
        batch_size: Images a batch.
        num_workers: Processes that read images; 0 for this one.
        amp_dtype: Predict in mixed precision.
        advance: Called with the number of images of each batch that is done.

    Raises:
        OSError: If an image cannot be reached; parts before it are kept.
    """
    loader = DataLoader(
        _Images(rows, pipeline, settings.labels == 'known'),
        # This is a generator, because the batches of a large data set would be a long list.
        batch_sampler=(
            list(images[start : start + batch_size])
            for images in map(folder.images, parts)
            for start in range(0, len(images), batch_size)
        ),
        num_workers=num_workers,
        collate_fn=_collate,
        worker_init_fn=end_with_parent,
    )
    drawn = settings.drawn(loc_settings or model.head.settings, model.head.num_classes)
    batches = ahead((_start(model, batch, drawn, amp_dtype) for batch in loader), 1)
    for part in parts:
        records: list[dict[str, Any]] = []
        while len(records) < len(folder.images(part)):
            found = [_record(image, sample, settings) for image, sample in _pairs(*next(batches))]
            records += found
            advance(len(found))
        folder.write(part, records)


class _Image(NamedTuple):
    """An image's row and, if it could not be read, the reason and whether it could not even be reached."""

    row: ImageRow
    error: str | None = None
    gone: bool = False


# The images of a batch, and for each size the places of the images that could be read, with the model's input.
_Batch = tuple[list[_Image], list[tuple[list[int], dict[str, Any]]]]


class _Images(Dataset):
    """Images as the model takes them; an unreadable image does not end a long run."""

    def __init__(self, rows: Sequence[ImageRow], pipeline: Sequence[dict], known: bool) -> None:
        self.rows = rows
        self.pipeline = Compose(list(pipeline))
        self.known = known

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[_Image, dict[str, Any] | None]:
        row = self.rows[index]
        try:
            data = self.pipeline(to_pipeline(read_image(row.path), row.path))
        except ValueError as error:
            return _Image(row, str(error)), None
        except OSError as error:
            # The disk may be gone, so the rest is not skipped. The error is raised later, in the main process: a
            # loader's process would add its traceback.
            return _Image(row, str(error), gone=True), None
        if self.known and row.label is not None:
            first_sample(data).set_query_label([int(row.label)])
        return _Image(row), data


def _collate(loaded: Sequence[tuple[_Image, dict[str, Any] | None]]) -> _Batch:
    """Stack inputs in the loader's process, so that one tensor a batch is sent instead of one an image."""
    groups: dict[tuple, dict[int, dict[str, Any]]] = {}
    for place, (_, data) in enumerate(loaded):
        if data is not None:
            groups.setdefault(input_shapes(data), {})[place] = data
    return [image for image, _ in loaded], [
        (
            list(group),
            default_collate(list(group.values())),
        )
        for group in groups.values()
    ]


@torch.no_grad()
def _start(
    model: BaseModel, batch: _Batch, drawn: LocSettings, amp_dtype: torch.dtype | None
) -> tuple[list[_Image], list]:
    """Let the device compute; the samples are filled in at the first look at them."""
    images, groups = batch
    with autocast(enabled=amp_dtype is not None, dtype=amp_dtype):
        inputs = [(places, model.data_preprocessor(data, False)) for places, data in groups]
        return images, [(places, model.predict(**data, settings=drawn)) for places, data in inputs]


def _pairs(images: list[_Image], groups: list) -> Iterator[tuple[_Image, LocDataSample | None]]:
    """Each image with its sample, if it could be read."""
    samples = {place: sample for places, group in groups for place, sample in zip(places, group, strict=True)}
    return ((image, samples.get(place)) for place, image in enumerate(images))


def _record(image: _Image, sample: LocDataSample | None, settings: LabelSettings) -> dict[str, Any]:
    """The record of an image, see :meth:`PartFolder.write`."""
    if image.gone:
        raise OSError(f'{image.error}; started again, the run goes on with what is missing')
    if sample is None:
        return dict(name=image.row.name, error=image.error)
    height, width = sample.ori_shape[:2]
    boxes = []
    for label, box in _labelled_boxes(sample):
        score = float(sample.pred_score[label])
        edges = [round(edge, 2) for edge in box]
        # A box of a contour in the last column has no width if the protocol clamps boxes to that column.
        has_extent = edges[0] < edges[2] and edges[1] < edges[3]
        if has_extent and score >= settings.score_thr and label not in settings.no_object:
            boxes.append([0 if settings.class_agnostic else label, round(score, 4), *edges])
    row = image.row
    return dict(id=row.number, name=row.name, path=row.path, width=width, height=height, boxes=boxes)


def _labelled_boxes(sample: LocDataSample) -> Iterator[tuple[int, list[float]]]:
    """Pairs of label and box, in the image's pixels; maps that are constant or not finite give none."""
    boxed = sample.pred_instances
    for label, score_map in zip(sample.class_maps.labels.tolist(), sample.class_maps.maps.float().numpy(), strict=True):
        low, high = score_map.min(), score_map.max()
        if np.isfinite(low) and np.isfinite(high) and low < high:
            yield from ((label, box) for box in boxed.bboxes[boxed.labels == label].tolist())
