"""The object that GrabCut finds from the gradient of a class score on the image."""

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from mmtscam.registry import MODELS

from .input_gradient import InputGradient

# Colours that OpenCV's models of object and background have each; it refuses fewer pixels.
_CLUSTERS = 5


@MODELS.register_module()
class GrabCut(InputGradient):
    """Backprop's boxes: graph cut by colours, from the most and the least salient pixels.

    The most salient pixels are surely of the object, the least salient ones
    surely of the background. Two mixtures model the colours of both, and one
    graph cut decides about all others. The map is 1 on the object and 0
    elsewhere.

    Reference: as for :class:`InputGradient`, Section 3.2, with OpenCV's
    ``grabCut``.

    Args:
        object_share: Share of the pixels that are surely of the object.
        background_share: Share that are surely of the background.
        **kwargs: Arguments of ``InputGradient``.

    Raises:
        ValueError: If a share is not above 0, or both together are not below 1.
    """

    name = 'grabcut'
    title = 'GrabCut from the gradient on the image'

    def __init__(self, object_share: float = 0.05, background_share: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if min(object_share, background_share) <= 0 or object_share + background_share >= 1:
            raise ValueError(
                'object_share and background_share must be above 0 and together below 1, '
                f'got {object_share} and {background_share}'
            )
        self.object_share, self.background_share = object_share, background_share

    def from_gradient(self, target: Tensor, gradient: Tensor, feats: Any) -> Tensor:
        """The object, ``(B, H, W)`` of 0 and 1, see :meth:`BaseGradientMap.from_gradient`."""
        saliency = super().from_gradient(target, gradient, feats).float().cpu().numpy()
        # The target lacks the means of the colours. Where each begins makes no difference to a mixture.
        colours = target - target.amin(dim=(2, 3), keepdim=True)
        images = colours.clamp(0, 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
        cuts = [
            grab_cut(image, each, self.object_share, self.background_share)
            for image, each in zip(images, saliency, strict=True)
        ]
        return torch.from_numpy(np.stack(cuts)).to(target)


def grab_cut(image: np.ndarray, saliency: np.ndarray, object_share: float, background_share: float) -> np.ndarray:
    """Cut an image into object and background.

    Args:
        image: ``(H, W, 3)`` ``uint8``, in any order of the colours.
        saliency: ``(H, W)`` map.
        object_share: Share of the pixels, the most salient ones, that are
            surely of the object.
        background_share: Share of the pixels, the least salient ones, that are
            surely of the background.

    Returns:
        ``(H, W)`` ``float32`` map, 1 on the object; 0 everywhere where the
        saliency is too flat to name both.
    """
    low, high = np.quantile(saliency, (background_share, 1 - object_share))
    surely_object, surely_background = saliency >= high, saliency <= low
    sure = surely_object | surely_background
    if not low < high or min(surely_object.sum(), surely_background.sum()) < _CLUSTERS:
        return np.zeros(saliency.shape, np.float32)
    labels = np.where(surely_object, cv2.GC_FGD, np.where(sure, cv2.GC_BGD, cv2.GC_PR_BGD)).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 0, 0)  # a rectangle, which masks make superfluous
    # OpenCV would count all that is open as background while it models the colours, so it sees the sure pixels first.
    cv2.setRNGSeed(0)  # its clusters of colours start at random
    cv2.grabCut(image[sure][None], labels[sure][None], nowhere, *models, 0, cv2.GC_INIT_WITH_MASK)
    cv2.grabCut(image, labels, nowhere, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
