"""Questions that metrics ask of a sample: a :class:`LocDataSample` as a dict, or its like from a file of maps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from mmtscam.localization import Protocol, boxes_to_frame
from mmtscam.structures import MapKind


def sample_name(sample: dict) -> str:
    """The image's path, for messages."""
    return sample.get('img_path', 'a sample')


@contextmanager
def naming(sample: dict) -> Iterator[None]:
    """Let a ``ValueError`` about a sample begin with its name, unless it does."""
    try:
        yield
    except ValueError as error:
        name = sample_name(sample)
        if str(error).startswith(f'{name}: '):
            raise
        raise ValueError(f'{name}: {error}') from error


def sample_key(sample: dict) -> Any:
    """The key that tells a sample from the others of a run; ``None`` where none does.

    It is the sample's ``number`` in the data set, which the loops of this
    package give. Otherwise it is its id, which is unique in its file alone,
    with its path.
    """
    if 'number' in sample:
        return sample['number']
    return None if sample.get('img_id') is None else (sample['img_id'], sample_name(sample))


def image_key(sample: dict) -> str | None:
    """The key that tells an image from those of other splits: its id in the data set, else its path."""
    return sample.get('image_id') or sample.get('img_path')


def true_label(sample: dict) -> int:
    """The true class.

    Raises:
        ValueError: If it is not known.
    """
    if 'gt_label' not in sample:
        raise ValueError(f'{sample_name(sample)}: no true label to compare with')
    return int(sample['gt_label'])


def true_class_rank(sample: dict) -> int | None:
    """How many classes score higher than the true one.

    Returns:
        0 for the best; ``None`` where the sample has no class scores. Stored
        samples hold it as ``gt_rank``.

    Raises:
        ValueError: If a score is not finite or the true class has none.
    """
    score = sample.get('pred_score')
    if score is None:
        return sample.get('gt_rank')
    score = to_array(score)
    if not np.isfinite(score).all():
        raise ValueError(f'{sample_name(sample)}: the class scores are not finite; the model has diverged')
    label = true_label(sample)
    if not 0 <= label < len(score):
        raise ValueError(f'{sample_name(sample)}: label {label} is outside the {len(score)} classes of the scores')
    # The first of equal scores comes first, so that a tie does not make every class right.
    return int((score > score[label]).sum() + (score[:label] == score[label]).sum())


def predicted_label(sample: dict) -> int | None:
    """The best class; ``None`` where the sample has no class scores that are finite."""
    score = sample.get('pred_score')
    if score is None:
        return sample.get('pred_label')
    score = to_array(score)
    return int(score.argmax()) if np.isfinite(score).all() else None


def localising_kind(sample: dict) -> str | None:
    """Name of the kind of map that the head localised with; ``None`` for maps of other code."""
    return sample['class_maps'].get('map_kind')


def map_kinds(sample: dict) -> dict[str, MapKind]:
    """The kinds of map in a sample, by name; empty for maps of other code."""
    return {kind.name: kind for kind in sample['class_maps'].get('map_kinds', ())}


def head_threshold(sample: dict, protocol: Protocol) -> float | None:
    """The threshold with which the head drew its boxes, if it means the same under another protocol.

    Returns:
        ``None`` where the head brings none, or where it is a share and the
        protocol wants an absolute one, for example.
    """
    drawn = sample['class_maps']
    # Samples of other code may not say what their threshold means: it is then the protocol's.
    same = drawn.get('threshold_rule', protocol.threshold_rule) == protocol.threshold_rule
    return drawn.get('threshold') if same else None


def true_class_map(sample: dict, map_kind: str) -> np.ndarray:
    """The map of the true class.

    Args:
        sample: Has ``gt_label`` and ``class_maps``.
        map_kind: Name of a kind of map in ``class_maps``, or ``'maps'`` for
            the one that the head localised with.

    Returns:
        ``(h, w)`` float array.

    Raises:
        ValueError: If there is none.
    """
    class_maps, label = sample['class_maps'], true_label(sample)
    if map_kind not in class_maps:
        known = ', '.join(map_kinds(sample)) or 'no kinds with names'
        raise ValueError(f'{sample_name(sample)}: has no maps of the kind {map_kind!r}; there are {known}')
    labels = to_array(class_maps['labels']).tolist()
    if label not in labels:
        raise ValueError(f'{sample_name(sample)}: no map of its true class {label} among {labels}')
    return to_array(class_maps[map_kind][labels.index(label)])


def image_size(sample: dict) -> tuple[int, int]:
    """``(width, height)`` of the original image in pixels.

    Raises:
        ValueError: If it is not known.
    """
    if 'ori_shape' not in sample:
        raise ValueError(f'{sample_name(sample)}: the size of the original image (ori_shape) is not known')
    height, width = sample['ori_shape'][:2]
    return int(width), int(height)


def shows_object(sample: dict) -> bool:
    """Whether there is a true box; ``True`` where true boxes are not known."""
    return 'gt_instances' not in sample or len(sample['gt_instances']['bboxes']) > 0


def true_boxes(sample: dict, protocol: Protocol) -> np.ndarray:
    """The true boxes in the protocol's frame, ``(m, 4)`` ``int64``, ``m`` at least 1.

    Raises:
        ValueError: If there is none or one is not a box within the image.
    """
    name = sample_name(sample)
    truth = to_array(sample['gt_instances']['bboxes']) if 'gt_instances' in sample else np.zeros((0, 4))
    if not len(truth):
        raise ValueError(f'{name}: no true box to compare with; give the data set a box reader')
    if not np.isfinite(truth).all() or (truth[:, 2:] < truth[:, :2]).any():
        raise ValueError(f'{name}: a true box is inverted or not finite: {truth.tolist()}')
    width, height = image_size(sample)
    if (truth[:, :2] >= (width, height)).any() or (truth[:, 2:] < 0).any():
        raise ValueError(f'{name}: a true box lies outside the image of {width}x{height}: {truth.tolist()}')
    return boxes_to_frame(truth, (width, height), protocol)


def true_mask(sample: dict) -> np.ndarray:
    """The true mask, ``(H, W)`` ``uint8``: 0 background, 255 to be ignored, else foreground.

    Raises:
        ValueError: If there is none.
    """
    if 'gt_sem_seg' not in sample:
        raise ValueError(f'{sample_name(sample)}: no true mask to compare with; give the data set a mask reader')
    return to_array(sample['gt_sem_seg']['sem_seg'])[0]


def to_array(value: Any) -> np.ndarray:
    """A tensor of any device and precision as an array, half precision as ``float32``."""
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    if value.is_floating_point() and value.element_size() < 4:
        value = value.float()
    return value.detach().cpu().numpy()
