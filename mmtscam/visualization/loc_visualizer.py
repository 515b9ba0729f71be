"""The visualizer of localization samples."""

import os
import os.path as osp

import cv2
import numpy as np
from mmengine.visualization import Visualizer

from mmtscam.registry import VISUALIZERS
from mmtscam.structures import LocDataSample

from .panels import draw_panels


@VISUALIZERS.register_module()
class LocVisualizer(Visualizer):
    """Draws :func:`~mmtscam.visualization.draw_panels`; used as mmdet's visualizers are."""

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: LocDataSample,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
    ) -> None:
        """Draw one image and show it, write it, or hand it to the back ends.

        Args:
            name: Name of the picture in a window or back end.
            image: ``(H, W, 3)`` ``uint8`` RGB, the original image.
            data_sample: Prediction for it.
            show: Whether to open a window.
            wait_time: Seconds for which the window stays; 0 is for ever.
            out_file: File to write; the back ends get the picture where none
                is named.
            step: Global step that goes with it.
        """
        picture = draw_panels(image, data_sample, (self.dataset_meta or {}).get('classes'))
        self.set_image(picture)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            os.makedirs(osp.dirname(osp.abspath(out_file)), exist_ok=True)
            if not (cv2.haveImageWriter(out_file) and cv2.imwrite(out_file, picture[..., ::-1])):
                raise OSError(f'{out_file}: the picture cannot be written; name a .png or .jpg in a folder that can be')
        else:
            self.add_image(name, picture, step)
