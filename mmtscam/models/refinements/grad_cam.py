"""Grad-CAM."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from mmtscam.models.backbones.token_features import TokenFeatures
from mmtscam.registry import MODELS

from .base_gradient_map import BaseGradientMap


@MODELS.register_module()
class GradCAM(BaseGradientMap):
    """Grad-CAM: the features of a layer, weighted by the mean gradient of the class score on each channel.

    The layer gives a feature map ``(B, D, h, w)``, or tokens ``(B, N, D)``, of
    which those that are no patches are left out.

    Reference: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep
    Networks via Gradient-based Localization", ICCV 2017, Eqs. 1 and 2.

    Args:
        layer: Name of a submodule of the backbone: ``'features.16'`` of VGG16,
            ``'layer4'`` of ResNet, ``'layers.11.ln1'`` of DeiT.
    """

    name = 'gradcam'
    title = 'Grad-CAM'

    def __init__(self, layer: str | None = None) -> None:
        super().__init__()
        if not layer:
            raise ValueError(
                "model.head.refine.layer is missing: name a submodule of the backbone, such as 'layers.11.ln1' of DeiT "
                "or 'layer4' of ResNet"
            )
        self.layer = layer

    def watch(self, model: nn.Module, images: Tensor, run: Callable[[Tensor], Any]) -> tuple[Any, Tensor]:
        """Watch the layer's output, see :meth:`BaseGradientMap.watch`.

        Raises:
            ValueError: If there is no such layer, or it does not run once and
                give one tensor.
        """
        backbone = model.get_submodule('backbone')
        try:
            module = backbone.get_submodule(self.layer)
        except AttributeError as error:
            names = ', '.join(name for name, _ in backbone.named_children())
            raise ValueError(
                f'refine.layer: {type(backbone).__name__} has no {self.layer!r}; it has {names}'
            ) from error
        outputs: list[Any] = []

        def keep(_: nn.Module, __: Any, output: Any) -> Any:
            if not isinstance(output, Tensor) or output.ndim not in (3, 4):
                raise ValueError(
                    f'refine.layer: {self.layer!r} gives neither a feature map (B, D, h, w) nor tokens (B, N, D): '
                    'name a layer within or before it'
                )
            # The graph begins here. A layer that changes its input in place, such as a ReLU, gets a copy.
            outputs.append(output.detach().requires_grad_())
            return outputs[-1].clone()

        hook = module.register_forward_hook(keep)
        try:
            feats = run(images)
        finally:
            hook.remove()
        if len(outputs) != 1:
            raise ValueError(f'refine.layer: {self.layer!r} runs {len(outputs)} times an image and must run once')
        if outputs[0].ndim == 3:
            known = tuple(feats.patches.shape[-2:]) if isinstance(feats, TokenFeatures) else None
            extra = getattr(backbone, 'num_extra_tokens', None)
            # It goes with the target: looks at images of several sizes may be open at once.
            outputs[0].patches = self._find_patches(outputs[0].shape[1], extra, known, tuple(images.shape[-2:]))
        return feats, outputs[0]

    def from_gradient(self, target: Tensor, gradient: Tensor, feats: Any) -> Tensor:
        """Weighted features without their negative part, ``(B, h, w)``, see :meth:`BaseGradientMap.from_gradient`."""
        if target.ndim == 3:
            start, size = target.patches  # type: ignore[attr-defined]
            end = start + math.prod(size)
            target, gradient = (tokens[:, start:end].mT.unflatten(2, size) for tokens in (target, gradient))
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        return (weights * target).sum(dim=1).relu()

    def _find_patches(
        self, tokens: int, extra: int | None, grid: tuple[int, ...] | None, size: tuple[int, ...]
    ) -> tuple[int, tuple[int, ...]]:
        """Place of the first patch among the tokens, and the grid of patches.

        Without ``grid``, the patches of an image of this ``size`` have its proportions, after as many tokens as
        ``extra`` says, or after none or a class token.
        """
        if grid is not None:
            return tokens - math.prod(grid) if extra is None else extra, grid
        for start in (0, 1) if extra is None else (extra,):
            rows = round(math.sqrt((tokens - start) * size[0] / size[1]))
            columns = (tokens - start) // max(rows, 1)
            # In the image's proportions but for less than a column.
            if rows * columns == tokens - start and abs(rows * size[1] - columns * size[0]) < size[0]:
                return start, (rows, columns)
        raise ValueError(
            f'refine.layer: {self.layer!r} gives {tokens} tokens, which are no grid of patches of an image of '
            f'{size[0]}x{size[1]}: name a layer that gives a feature map'
        )
