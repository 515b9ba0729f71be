"""Several views of an image, for test-time augmentation."""

from collections.abc import Sequence
from typing import Any

from mmcv.transforms import BaseTransform, Compose

from mmtscam.registry import TRANSFORMS

_TEN_CROP = 256 / 224  # the size that ten crops are cut from, over the size of a crop
_ZOOM = 2  # the size that a closer look is cut from, over the first size


@TRANSFORMS.register_module()
class LocViews(BaseTransform):
    """Makes views of an image: the whole one in several sizes and mirrored, and crops that only classify.

    It takes the place of the test pipeline's ``Resize`` and of all steps after
    it. :class:`~mmtscam.models.LocTTAModel` joins the views' predictions.

    Args:
        resize: Config of the ``Resize``, whose ``scale`` is the size of the
            first view.
        sizes: ``(width, height)`` of the views.
        flip: Whether each view comes mirrored too.
        ten_crop: Whether ten crops classify instead of the whole image: the
            four corners and the middle of the image resized to 256/224 of the
            first size, and these mirrored.
        zoom: Whether the model looks at the object once more, closer: the
            image in twice the first size comes last, to cut it from.
        steps: Configs of the steps after ``Resize``; the last one packs.

    Raises:
        ValueError: If both ten crops and the closer look are to classify, or
            there is no view.
    """

    def __init__(
        self,
        resize: dict,
        sizes: Sequence[tuple[int, int]],
        flip: bool = True,
        ten_crop: bool = False,
        zoom: bool = False,
        steps: Sequence[dict] = (dict(type='PackLocInputs'),),
    ) -> None:
        if ten_crop and zoom:
            raise ValueError('ten crops and the closer look both classify: choose one of ten_crop and zoom')
        if not sizes:
            raise ValueError('sizes must name one view at least')
        self.sizes = [tuple(size) for size in sizes]
        self.flip = flip
        self._steps = Compose([TRANSFORMS.build(dict(step)) for step in steps])
        self._flip = TRANSFORMS.build(dict(type='RandomFlip', prob=1.0))
        self._resize = [TRANSFORMS.build(dict(resize, scale=size)) for size in self.sizes]
        self.ten_crop = ten_crop
        self.zoom = zoom
        if ten_crop or zoom:
            factor = _TEN_CROP if ten_crop else _ZOOM
            self._larger = TRANSFORMS.build(dict(resize, scale=tuple(round(side * factor) for side in self.sizes[0])))

    def transform(self, results: dict) -> dict:
        """Make the views.

        Args:
            results: The result of a loader.

        Returns:
            ``inputs``, a list of ``(3, H, W)`` ``uint8`` tensors, and
            ``data_samples``, a list of samples: the whole image first, as it
            is. The metainfo of a mirrored view has ``flip``, that of a crop
            ``crop``, that of the image to cut from ``zoom``.
        """
        views = []
        for resize in self._resize:
            whole = resize(dict(results))
            views += [self._pack(whole), *([self._pack(self._flip(dict(whole)))] if self.flip else [])]
        if self.ten_crop:
            larger = self._larger(dict(results))
            for image in self._crops(larger['img']):
                crop = dict(larger, img=image, img_shape=image.shape[:2])
                views += [self._pack(crop, crop=True), self._pack(self._flip(dict(crop)), crop=True)]
        if self.zoom:
            views.append(self._pack(self._larger(dict(results)), zoom=True))
        return dict(inputs=[view['inputs'] for view in views], data_samples=[view['data_samples'] for view in views])

    def _pack(self, view: dict, crop: bool = False, zoom: bool = False) -> dict[str, Any]:
        packed = self._steps(dict(view))
        packed['data_samples'].set_metainfo(dict(crop=crop, zoom=zoom))
        return packed

    def _crops(self, image: Any) -> list[Any]:
        width, height = self.sizes[0]
        bottom, right = image.shape[0] - height, image.shape[1] - width
        corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
        return [image[top : top + height, left : left + width] for top, left in corners]
