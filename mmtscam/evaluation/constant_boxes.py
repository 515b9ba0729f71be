"""Boxes that never look at the image, on a data set."""

import numpy as np
from mmengine.dataset import BaseDataset

from mmtscam.localization import Protocol, best_constant_box, boxes_to_frame, constant_box_accuracy
from mmtscam.utils.annotated_size import look_at_size


def constant_box_baselines(dataset: BaseDataset, protocol: Protocol) -> dict[str, float]:
    """GT-known Loc of the best constant box and of the whole image, over the images with a true box.

    Args:
        dataset: A :class:`~mmtscam.datasets.WSOLDataset` with boxes.
        protocol: Gives the frame and the IoU level.

    Returns:
        ``best_constant_box`` (the best of an 8-pixel grid on these very
        images) and ``whole_image``, in percent, and ``with_box``, the number
        of images with a true box.

    Raises:
        ValueError: If the data set has no boxes, no image has one, or an image
            was annotated at another size.
    """
    truth = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if 'instances' not in info:
            raise ValueError(f'{info["img_path"]}: no true box; give the data set a box reader')
        if not info['instances']:
            continue
        size, _ = look_at_size(info)
        boxes = np.array([instance['bbox'] for instance in info['instances']])
        truth.append(boxes_to_frame(boxes, size, protocol))
    if not truth:
        raise ValueError(f'none of the {len(dataset)} images of the data set has a true box')
    width, height = protocol.frame
    whole = np.array([0, 0, width - 1, height - 1])
    return {
        'best_constant_box': constant_box_accuracy(best_constant_box(truth, protocol), truth, protocol),
        'whole_image': constant_box_accuracy(whole, truth, protocol),
        'with_box': len(truth),
    }
