"""The visualizer of localization samples."""

from typing import Any

import numpy as np
from mmengine.visualization import Visualizer

from mmtscam.registry import VISUALIZERS
from mmtscam.structures import LocDataSample

from .files import write_picture
from .fonts import find_font
from .panels import draw_panels


@VISUALIZERS.register_module()
class LocVisualizer(Visualizer):
    """Draws with :func:`~mmtscam.visualization.draw_panels`; its interface is that of mmdet's visualizers.

    Args:
        name: Name of the instance.
        *args: Arguments of mmengine's ``Visualizer``.
        panel_height: Height of a panel in pixels. The text grows with it.
        font: Font of names, by its file or by its name, with blanks or
            without, as ``'NotoSansCJKSC'``. Letters that it lacks, or all
            without it, come from DejaVu Sans and then from any installed
            font.
        **kwargs: Arguments of mmengine's ``Visualizer``.

    Raises:
        ValueError: If there is no such font.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        *args: Any,
        panel_height: int = 240,
        font: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, *args, **kwargs)
        self.panel_height = panel_height
        self.font = font
        if font is not None:
            find_font(font)  # before the first picture, which may come after hours

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: LocDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        pred_score_thr: float = 0.0,
        step: int = 0,
    ) -> None:
        """Draw one image, and show it, write it, or give it to the back ends.

        Args:
            name: Name of the picture in a window or back end.
            image: ``(H, W, 3)`` ``uint8`` RGB, the original image.
            data_sample: Prediction for it.
            draw_gt: Whether to draw true boxes.
            draw_pred: Whether to draw predicted boxes.
            show: Whether to open a window.
            wait_time: Seconds for which the window stays; 0 means for ever.
            out_file: File to write. Without one the back ends get the
                picture.
            pred_score_thr: Predicted boxes of a lower score are left out.
            step: Global step under which back ends store the picture.
        """
        classes = (self.dataset_meta or {}).get('classes')
        picture = draw_panels(
            image, data_sample, classes, self.panel_height, draw_gt, draw_pred, pred_score_thr, self.font
        )
        self.set_image(picture)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_picture(out_file, picture)
        else:
            self.add_image(name, picture, step)
