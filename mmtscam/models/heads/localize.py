"""Drawing the predicted boxes of a sample from its maps."""

import numpy as np
import torch
from mmengine.structures import InstanceData

from mmtscam.localization import Protocol, boxes_to_image, map_to_boxes, map_to_instances
from mmtscam.structures import LocDataSample


def localize(sample: LocDataSample, protocol: Protocol, num_classes: int, min_area: float | None = None) -> None:
    """Draw the boxes of the first classes in ``class_maps`` into ``pred_instances``.

    Args:
        sample: Has ``class_maps`` and ``pred_score``; changed in place. Its
            ``class_maps`` are marked with the protocol's name, threshold and
            threshold rule, and with ``min_area`` where it is given.
        protocol: Rules for drawing boxes.
        num_classes: How many classes get boxes, from the first on.
        min_area: Draws the boxes of :func:`~mmtscam.localization.map_to_instances`
            instead, perhaps none.

    Raises:
        ValueError: If the sample's image is a crop, a mirror image or a
            padded copy of the original one: its maps would not cover the
            image to which the boxes belong.
    """
    _check_whole_image(sample)
    height, width = sample.get('ori_shape', protocol.frame[::-1])[:2]
    labels = sample.class_maps.labels[:num_classes].cpu()
    maps = sample.class_maps.maps[:num_classes].float().cpu().numpy()
    if min_area is None:
        boxes = [map_to_boxes(score_map, protocol) for score_map in maps]
    else:
        boxes = [map_to_instances(score_map, protocol, min_area) for score_map in maps]
    labels = torch.from_numpy(np.repeat(labels.numpy(), [len(group) for group in boxes]))
    sample.pred_instances = InstanceData(
        bboxes=torch.from_numpy(boxes_to_image(np.concatenate(boxes), (width, height), protocol)),
        labels=labels,
        scores=sample.pred_score[labels],
    )
    drawn = dict(threshold=protocol.threshold, threshold_rule=protocol.threshold_rule, protocol=protocol.name)
    sample.class_maps.set_metainfo(drawn if min_area is None else dict(drawn, min_area=min_area))


def _check_whole_image(sample: LocDataSample) -> None:
    """Refuse an image that is not the whole original one, resized: its map would not cover the original image."""
    name = sample.get('img_path', 'a sample')
    if sample.get('flip'):
        raise ValueError(f'{name}: the test pipeline flips the image, so boxes would be mirrored: leave RandomFlip out')
    if 'ori_shape' not in sample or 'img_shape' not in sample:
        return
    (height, width), shown = sample.ori_shape[:2], sample.img_shape[:2]
    factor = sample.get('scale_factor', 1.0)
    scale_x, scale_y = (factor, factor) if np.isscalar(factor) else factor
    resized = (height * scale_y, width * scale_x)
    if max(abs(resized[0] - shown[0]), abs(resized[1] - shown[1])) > 1:
        raise ValueError(
            f'{name}: the test pipeline crops or pads the image or resizes it twice (resized to '
            f'{resized[1]:.0f}x{resized[0]:.0f}, then {shown[1]}x{shown[0]}), so boxes cannot be brought back to it: '
            'use one Resize and no crop'
        )
