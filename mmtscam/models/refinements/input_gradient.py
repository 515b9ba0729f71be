"""The gradient of a class score on the image."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from mmtscam.registry import MODELS

from .base_gradient_map import BaseGradientMap


@MODELS.register_module()
class InputGradient(BaseGradientMap):
    """Backprop: the absolute gradient of the class score on a pixel, the largest among its colours.

    The gradient is that on the image before it is divided by the data
    preprocessor's ``std``.

    Reference: Simonyan et al., "Deep Inside Convolutional Networks:
    Visualising Image Classification Models and Saliency Maps", ICLR workshop
    2014, Section 3.1.

    Args:
        blur: Standard deviation of a Gaussian blur of the map, in pixels of
            the input; 0 for none, as in the paper. The map is speckled, so a
            threshold without blur cuts it to pieces.

    Raises:
        ValueError: If ``blur`` is negative.
    """

    name = 'saliency'
    title = 'gradient on the image'

    def __init__(self, blur: float = 0.0) -> None:
        super().__init__()
        if blur < 0:
            raise ValueError(f'blur must be at least 0, got {blur}')
        self.blur = blur

    def watch(self, model: nn.Module, images: Tensor, run: Callable[[Tensor], Any]) -> tuple[Any, Tensor]:
        """Watch the images, in the units of their pixels; see :meth:`BaseGradientMap.watch`."""
        std = getattr(model.data_preprocessor, 'std', None)
        scale = images.new_ones(()) if std is None else std.to(images)
        target = (images.detach() * scale).requires_grad_()
        return run(target / scale), target

    def from_gradient(self, target: Tensor, gradient: Tensor, feats: Any) -> Tensor:
        """The gradient's size, ``(B, H, W)``, see :meth:`BaseGradientMap.from_gradient`."""
        saliency = gradient.abs().amax(dim=1)
        if not self.blur:
            return saliency
        reach = int(3 * self.blur + 0.5)
        if reach >= min(saliency.shape[-2:]):
            height, width = saliency.shape[-2:]
            raise ValueError(f'refine.blur: {self.blur} pixels are too many for an image of {height}x{width}')
        return gaussian_blur(saliency, kernel_size=2 * reach + 1, sigma=self.blur)
