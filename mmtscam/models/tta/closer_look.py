"""Looking once more at a part of each image, and bringing the maps back into the whole."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmtscam.localization import Protocol, boxes_to_image, map_to_boxes, min_max, window_around
from mmtscam.localization.precision import full_precision
from mmtscam.structures import LocDataSample

# Least side of the window, in longer sides of the image: more than fourfold, there would be little but blur.
_LEAST = 1 / 4
# Cells of the joint map to each cell of the whole image's, along a side.
_FINER = 4


def window_of(sample: LocDataSample, protocol: Protocol) -> tuple[float, ...]:
    """The square around the box of the first map, the largest one if there are several.

    Args:
        sample: Has ``class_maps``.
        protocol: Rules for drawing boxes.

    Returns:
        ``(x1, y1, x2, y2)`` in shares of the image's width and height; the
        whole image where nothing is above the threshold.
    """
    height, width = sample.get('ori_shape', protocol.frame[::-1])[:2]
    boxes = map_to_boxes(sample.class_maps.maps[0].float().cpu().numpy(), protocol)
    sides = boxes[:, 2:] - boxes[:, :2]
    largest = boxes[sides.prod(axis=1).argmax()]
    if tuple(largest) == tuple(protocol.empty_box):
        return 0.0, 0.0, 1.0, 1.0
    box = boxes_to_image(largest, (width, height), protocol)[0].tolist()
    x1, y1, x2, y2 = window_around(box, (width, height), least=_LEAST * max(width, height))
    return x1 / width, y1 / height, x2 / width, y2 / height


def cut_out(
    images: Tensor, windows: Sequence[Sequence[float]], size: tuple[int, int]
) -> tuple[Tensor, list[tuple[float, ...]]]:
    """Cut a window out of each image and resize it (bilinear, antialiased).

    Args:
        images: ``(B, 3, H, W)``.
        windows: B windows in shares of width and height.
        size: Height and width of the result.

    Returns:
        ``(B, 3, h, w)``, and the windows moved out to whole pixels.
    """
    height, width = images.shape[-2:]
    cuts = []
    moved: list[tuple[float, ...]] = []
    for image, (x1, y1, x2, y2) in zip(images, windows, strict=True):
        left, top = (min(int(start * whole), whole - 1) for start, whole in ((x1, width), (y1, height)))
        right, bottom = (
            min(max(-int(-end * whole // 1), start + 1), whole)
            for end, start, whole in ((x2, left, width), (y2, top, height))
        )
        part = image[None, :, top:bottom, left:right]
        # A CPU cannot do it in half precision.
        cut = F.interpolate(full_precision(part), size=size, mode='bilinear', align_corners=False, antialias=True)
        cuts.append(cut.to(part.dtype))
        moved.append((left / width, top / height, right / width, bottom / height))
    return torch.cat(cuts), moved


def paste(maps: Tensor, closer: Tensor, window: Sequence[float]) -> Tensor:
    """Average the maps of a window into those of the whole image, on a grid of four times as many rows and columns.

    Args:
        maps: ``(k, h, w)`` maps of the whole image.
        closer: ``(k, h', w')`` maps of the window, of the same classes.
        window: The window in shares of width and height.

    Returns:
        ``(k, 4 h, 4 w)``: outside of the window the whole image's map,
        within it the mean of both; each normalised to [0, 1] before.
    """
    size = tuple(_FINER * side for side in maps.shape[-2:])
    whole = F.interpolate(min_max(maps)[None], size=size, mode='bilinear', align_corners=False)[0]
    x1, y1, x2, y2 = window
    # Where in the window each cell lies: from -1 at its left or upper edge to 1 at the other.
    rows, columns = (
        (((torch.arange(cells, device=maps.device) + 0.5) / cells) - start) / (end - start) * 2 - 1
        for cells, start, end in ((size[0], y1, y2), (size[1], x1, x2))
    )
    places = torch.stack(torch.meshgrid(rows, columns, indexing='ij')[::-1], dim=-1).to(maps.dtype)
    within = (places.abs() <= 1).all(dim=-1)
    found = F.grid_sample(min_max(closer)[None], places[None], padding_mode='border', align_corners=False)[0]
    return torch.where(within, (whole + found) / 2, whole)
