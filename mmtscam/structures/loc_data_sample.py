"""A classification sample and a detection sample at once."""

import pickle
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample


class LocDataSample(DetDataSample, DataSample):
    """One image with its labels, boxes and localization maps.

    Fields of mmpretrain: ``gt_label`` (1,) ``int64``, ``pred_label`` (1,)
    ``int64``, ``pred_score`` (C,) float. Fields of mmdet: ``gt_instances``
    and ``pred_instances`` with ``bboxes`` (n, 4) ``float32``
    ``(x1, y1, x2, y2)`` in original image coordinates, ``labels`` (n,)
    ``int64`` and, for predictions, ``scores`` (n,) float; ``gt_sem_seg`` with
    ``sem_seg`` (1, H, W) ``uint8``: 0 background, 1 foreground, 255 to be
    ignored, in the annotation's own resolution. mmpretrain's ``Accuracy`` and
    mmdet's metrics and visualizers therefore take the sample as it is.

    Our own field: ``class_maps``, an ``InstanceData`` with ``labels`` (k,) ``int64``
    and ``maps`` (k, h, w) float at token resolution, the maps from which the
    boxes were drawn. It holds the Top-k classes in falling order of their
    score, or those that were asked for, and the true class where it is known.
    Each kind of map that the head makes is there too, in the same shape,
    under its own name. The metainfo tells how the boxes were drawn:
    ``map_kind``, the name of the kind in ``maps``; ``map_kinds``, a
    :class:`MapKind` for each kind; ``threshold``, with ``threshold_rule``
    that says what it means; ``protocol``, its name; ``min_area``, where each
    separate region got a box; and, with test-time augmentation, the numbers of ``views`` and ``crops``, and ``zoom``.

    ``query_label`` (q,) ``int64``, set with :meth:`set_query_label`, asks a
    head for the maps and boxes of these classes, whatever their scores
    ("where is the ...?"), instead of those of the Top-k.

    Examples:
        >>> import torch
        >>> sample = LocDataSample().set_gt_label(3)
        >>> sample.class_maps = InstanceData(labels=torch.tensor([3]), maps=torch.rand(1, 14, 14))
        >>> sample.class_maps.maps.shape
        torch.Size([1, 14, 14])
    """

    def set_query_label(self, labels: Sequence[int]) -> 'LocDataSample':
        """Ask for some classes.

        Args:
            labels: Classes, each once.

        Returns:
            The sample.

        Raises:
            ValueError: If there is none, or one is asked for twice.
        """
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f'classes to localise must be named, each once, got {list(labels)}')
        self.set_field(torch.tensor(labels, dtype=torch.int64), 'query_label', dtype=torch.Tensor)
        return self

    @property
    def class_maps(self) -> InstanceData:
        """Localization maps of some classes, at token resolution."""
        return self._class_maps

    @class_maps.setter
    def class_maps(self, value: InstanceData) -> None:
        self.set_field(value, '_class_maps', dtype=InstanceData)

    @class_maps.deleter
    def class_maps(self) -> None:
        del self._class_maps


def _reduce(sample: LocDataSample) -> tuple[Any, tuple[bytes]]:
    return pickle.loads, (pickle.dumps(sample),)


# Every tensor sent from a loader's worker to the trainer would take a file
# descriptor, and a large batch would run out of them. Samples are sent by
# value instead, as mmpretrain does with its own.
ForkingPickler.register(LocDataSample, _reduce)
