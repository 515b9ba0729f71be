"""Samples for the heads' tests."""

from mmtscam.structures import LocDataSample


def make_samples(*labels: int) -> list[LocDataSample]:
    """A sample of an image of 50 x 40 pixels, height and width, for each label."""
    return [LocDataSample(metainfo=dict(ori_shape=(50, 40), img_path='x/bird.jpg')).set_gt_label(y) for y in labels]
