"""Sizes of input that patches cover exactly."""

from torch import Tensor


def check_sides(images: Tensor, patch: tuple[int, int], name: str) -> None:
    """Refuse images that patches do not cover exactly.

    The backbones of mmpretrain pad them, or leave their margin out. A map of
    the patches would then be stretched over the image: with patches of 14,
    one of 240 pixels would lie up to 12 pixels off.

    Args:
        images: ``(B, C, H, W)`` images.
        patch: ``(rows, columns)`` from one patch to the next, in pixels.
        name: Name of the backbone.

    Raises:
        ValueError: If H or W is no multiple of it.
    """
    height, width = images.shape[-2:]
    rows, columns = patch
    if height % rows or width % columns:
        size = f'{rows}' if rows == columns else f'{rows} (height) and {columns} (width)'
        near = f'{_nearest(height, rows)}x{_nearest(width, columns)}'
        raise ValueError(
            f'{height}x{width} input: {name} needs sides that are multiples of {size}, the size of its patches, or its '
            f'maps would not cover the image exactly: resize to {near}, by scale of Resize in the pipelines (in a '
            f'detector set data_preprocessor.pad_size_divisor to {size})'
        )


def _nearest(side: int, patch: int) -> int:
    return max(round(side / patch), 1) * patch
