"""A classification data set with boxes for evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

from mmpretrain.datasets import BaseDataset

from mmtscam.registry import BOX_READERS, DATASETS, TRANSFORMS

from .boxes import BaseBoxReader


@DATASETS.register_module()
class WSOLDataset(BaseDataset):
    """Wraps a classification data set of mmpretrain and adds boxes.

    Training needs labels only: leave ``boxes`` out there. Evaluation needs
    them.

    Args:
        dataset: Config of the data set to wrap, e.g.
            ``dict(type='mmpretrain.CUB', data_root=..., split='test')``.
            Its own pipeline is not used.
        boxes: Config of a box reader, e.g. ``dict(type='CUBBoxes')``. Its
            ``data_root`` is that of the wrapped data set unless it has one.
        metainfo: Overrides the meta information of the wrapped data set.
        pipeline: Transforms of an image, or their configs.
        **kwargs: Further arguments of mmpretrain's ``BaseDataset``:
            ``indices``, ``test_mode``, ...

    Raises:
        FileNotFoundError: If an annotation file is missing.
        ValueError: If an image has no box.
    """

    def __init__(
        self,
        dataset: dict,
        boxes: dict | None = None,
        metainfo: dict | None = None,
        pipeline: Sequence[dict | Callable] = (),
        **kwargs: Any,
    ) -> None:
        self._dataset_cfg = dataset
        self._box_cfg = boxes
        try:
            self._wrapped = DATASETS.build(dataset)
            self._wrapped.full_init()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{error.filename or error}: annotation file or image folder not found, check data_root and '
                f'data_prefix of {dataset["type"]}'
            ) from error
        metainfo = {**self._wrapped.metainfo, **(metainfo or {})}
        if kwargs.get('classes') is not None:
            metainfo.pop('classes', None)
        pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        super().__init__(ann_file='', metainfo=metainfo, pipeline=pipeline, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load labels from the wrapped data set and boxes from the reader.

        Returns:
            One dict an image with ``img_path``, ``gt_label``, ``img_id`` and,
            with boxes, mmdet's ``instances``.
        """
        wrapped = self._wrapped
        read_boxes = self._build_box_reader(getattr(wrapped, 'data_root', None))
        data_list = []
        for index in range(len(wrapped)):
            info = wrapped.get_data_info(index)
            info['img_id'] = index
            if read_boxes:
                info['instances'] = [
                    dict(bbox=box.tolist(), bbox_label=info['gt_label'], ignore_flag=0)
                    for box in read_boxes(info['img_path'])
                ]
            data_list.append(info)
        self._wrapped = None  # two copies of a large list would be held
        return data_list

    def _build_box_reader(self, data_root: str | None) -> BaseBoxReader | None:
        if self._box_cfg is None:
            return None
        return BOX_READERS.build({'data_root': data_root, **self._box_cfg})

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image.

        Args:
            idx: Index of the image.

        Returns:
            What the pipeline makes of it.

        Raises:
            RuntimeError: If the image cannot be read or transformed; names
                the file.
        """
        try:
            return super().prepare_data(idx)
        except Exception as error:
            path = self.get_data_info(idx).get('img_path', f'image {idx}')
            raise RuntimeError(
                f'{path}: the image cannot be read or transformed: {error}; replace the file or take its row out'
            ) from error

    def extra_repr(self) -> list[str]:
        """Lines that describe this data set beyond the base class."""
        return [f'Wrapped data set: \t{self._dataset_cfg}', f'Boxes: \t{self._box_cfg}']
