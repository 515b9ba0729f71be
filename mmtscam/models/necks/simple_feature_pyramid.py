"""A feature pyramid from the one map of a plain vision transformer."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from mmtscam.models.backbones import TokenFeatures
from mmtscam.registry import MODELS


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Simple feature pyramid: each level is made from the same, last map.

    It serves detectors on :class:`~mmtscam.models.TSCAMDeiT`. The map is
    enlarged by deconvolutions, each of which halves its channels, left
    unchanged, or shrunk by max pooling. A 1x1 and a 3x3 convolution follow,
    each with layer normalisation. With patches of 16 pixels the strides are
    4, 8, 16 and 32.

    Reference: Li et al., "Exploring Plain Vision Transformer Backbones for
    Object Detection", ECCV 2022, Section 3.

    Args:
        in_channels: Width D of the patch tokens.
        out_channels: Channels D' of every level.
        scales: Size of each level relative to the map, from large to small;
            powers of two.
        num_outs: Number of levels. Levels beyond ``scales``, which RPN needs,
            take every other position of the previous one. ``None`` adds none.
        init_cfg: Initialisation, as in mmengine; PyTorch's own by default.

    Raises:
        ValueError: If ``scales`` is empty or has a number that is no power of
            two, the channels cannot be halved so often, or ``num_outs`` is
            less than the number of scales.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        num_outs: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not scales or any(scale <= 0 or not math.log2(scale).is_integer() for scale in scales):
            raise ValueError(f'scales must be powers of two, got {list(scales)}')
        if in_channels % max(1, *scales):
            raise ValueError(f'in_channels must be a multiple of {max(scales)}, the largest scale, got {in_channels}')
        num_outs = len(scales) if num_outs is None else num_outs
        if num_outs < len(scales):
            raise ValueError(f'num_outs must be at least the number of scales, got {num_outs} and {len(scales)}')
        self.in_channels = in_channels
        self.num_extra = num_outs - len(scales)
        self.levels = nn.ModuleList(_level(in_channels, out_channels, scale) for scale in scales)

    def forward(self, feats: TokenFeatures | Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Compute the levels.

        Args:
            feats: A backbone's output. Its ``patches``, or the first entry of
                any other tuple, is the map ``(B, D, h, w)``.

        Returns:
            A ``(B, D', s h, s w)`` map for each scale s, with sides rounded
            up, then further maps, each of half the size of the previous one.

        Raises:
            ValueError: If there is no such map.
        """
        patches = feats[0]
        if patches.ndim != 4 or patches.shape[1] != self.in_channels:
            raise ValueError(
                f'expected a tuple that starts with a map (B, {self.in_channels}, h, w), got one with '
                f'{tuple(patches.shape)} first: set in_channels to the embed_dims of the backbone'
            )
        outputs = [level(patches) for level in self.levels]
        for _ in range(self.num_extra):
            outputs.append(F.max_pool2d(outputs[-1], kernel_size=1, stride=2))
        return tuple(outputs)


def _level(in_channels: int, out_channels: int, scale: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = in_channels
    for _ in range(round(math.log2(max(scale, 1)))):
        if layers:
            layers += [LayerNorm2d(channels), nn.GELU()]
        layers.append(nn.ConvTranspose2d(channels, channels // 2, kernel_size=2, stride=2))
        channels //= 2
    if scale < 1:
        # Sides are rounded up, so that the level covers the whole image where the map has an odd side.
        layers.append(nn.MaxPool2d(round(1 / scale), ceil_mode=True))
    # The normalisation has a bias of its own.
    layers += [nn.Conv2d(channels, out_channels, kernel_size=1, bias=False), LayerNorm2d(out_channels)]
    layers += [nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False), LayerNorm2d(out_channels)]
    return nn.Sequential(*layers)
