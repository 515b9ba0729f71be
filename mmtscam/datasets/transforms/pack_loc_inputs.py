"""The last step of a pipeline."""

from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from mmpretrain.datasets.transforms import PackInputs

from mmtscam.registry import TRANSFORMS
from mmtscam.structures import LocDataSample


@TRANSFORMS.register_module()
class PackLocInputs(PackInputs):
    """Packs an image as mmpretrain does, into a :class:`LocDataSample`.

    True boxes (``instances``) stay as they are annotated, in original image
    coordinates. A true mask (``gt_mask``) stays in its own resolution. No
    transform moves either.

    Args:
        meta_keys: Keys to keep as meta information. The default includes
            ``instances``: mmdet's ``CocoMetric`` takes its true boxes from
            there if it is given no ``ann_file``.
        **kwargs: Further arguments of mmpretrain's ``PackInputs``.
    """

    DEFAULT_META_KEYS = (*PackInputs.DEFAULT_META_KEYS, 'img_id', 'image_id', 'instances', 'zoomed')

    def __init__(self, meta_keys: tuple[str, ...] = DEFAULT_META_KEYS, **kwargs: Any) -> None:
        super().__init__(meta_keys=meta_keys, **kwargs)

    def transform(self, results: dict) -> dict:
        """Pack one image.

        Args:
            results: Has ``img`` (H, W, 3) ``uint8`` BGR and, where known,
                ``gt_label``, ``instances`` and ``gt_mask`` (H', W') ``uint8``:
                1 foreground, 0 background, 255 ignore.

        Returns:
            ``inputs`` (3, H, W) ``uint8`` tensor and ``data_samples``, where
            the mask is ``gt_sem_seg.sem_seg`` (1, H', W') ``uint8``. Boxes
            with an ``ignore_flag`` are ``ignored_instances``, as in mmdet.
        """
        if results.get('img_path') is None:  # of an array, as mmdet's loaders leave it: no path at all
            results = {key: value for key, value in results.items() if key != 'img_path'}
        packed = super().transform(results)
        sample = LocDataSample()
        sample.update(packed['data_samples'])
        if 'instances' in results:
            for name, flag in (('gt_instances', False), ('ignored_instances', True)):
                boxes = [box for box in results['instances'] if bool(box.get('ignore_flag')) == flag]
                setattr(sample, name, _pack_boxes(boxes))
        if 'gt_mask' in results:
            sample.gt_sem_seg = PixelData(sem_seg=torch.from_numpy(results['gt_mask'])[None])
        packed['data_samples'] = sample
        return packed


def _pack_boxes(boxes: list[dict]) -> InstanceData:
    return InstanceData(
        bboxes=torch.tensor([box['bbox'] for box in boxes], dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor([box['bbox_label'] for box in boxes], dtype=torch.int64),
    )
