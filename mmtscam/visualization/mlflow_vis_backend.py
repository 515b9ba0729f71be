"""MLflow as a back end of visualizers."""

from typing import Any

import numpy as np
from mmengine.visualization import vis_backend

from mmtscam.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowVisBackend(vis_backend.MLflowVisBackend):
    """mmengine's back end, whose pictures MLflow refuses, because it tells the format by the ending of their name.

    Args:
        *args: Arguments of mmengine's ``MLflowVisBackend``.
        **kwargs: Arguments of mmengine's ``MLflowVisBackend``.
    """

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Record a picture, under its name and step as ``LocalVisBackend`` does.

        Args:
            name: Name of the picture.
            image: ``(H, W, 3)`` ``uint8`` RGB.
            step: Global step.
            **kwargs: See mmengine.
        """
        super().add_image(f'{name}_{step}.png', image, step, **kwargs)
