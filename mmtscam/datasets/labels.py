"""The labels of all images of a data set."""

from contextlib import suppress
from typing import Any

import numpy as np
from mmengine.dataset import ConcatDataset, RepeatDataset


def labels_of(dataset: Any) -> np.ndarray | None:
    """Read the labels of a data set without loading an image.

    Args:
        dataset: A data set of mmpretrain's kind, or a wrapper of some. Labels
            of joined and repeated data sets are those of the data sets in
            them, so that no row needs to be read where these know theirs.

    Returns:
        (N,) ``int64``; ``None`` where an image has no label or several.
    """
    # A subclass may change the rows.
    reader = getattr(type(dataset), 'get_data_info', None)
    if reader is ConcatDataset.get_data_info:
        of_each = [labels_of(each) for each in dataset.datasets]
        known = [labels for labels in of_each if labels is not None]
        return np.concatenate(known) if len(known) == len(of_each) else None
    if reader is RepeatDataset.get_data_info:
        once = labels_of(dataset.dataset)
        return None if once is None else np.tile(once, dataset.times)
    with suppress(AttributeError, KeyError, TypeError, ValueError):  # no labels, or lists of several
        if hasattr(dataset, 'get_gt_labels'):
            labels = np.asarray(dataset.get_gt_labels())
        else:
            labels = np.array([dataset.get_data_info(index)['gt_label'] for index in range(len(dataset))])
        if labels.ndim == 1 and labels.dtype.kind in 'iu':
            return labels.astype(np.int64, copy=False)
    return None
