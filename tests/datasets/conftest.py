"""Files that several tests of data sets need."""

import json
from pathlib import Path

import pytest


def coco_data() -> dict:
    """A COCO file's content: two images of height 5 and width 6 with boxes and masks, and one without."""
    return dict(
        images=[
            dict(id=10, file_name='a/one.jpg', height=5, width=6),
            dict(id=11, file_name='two.jpg', height=5, width=6),
            dict(id=12, file_name='bare.jpg', height=5, width=6),
        ],
        categories=[dict(id=7, name='dog'), dict(id=3, name='cat')],
        annotations=[
            # The lower right corner of a polygon is outside: columns 1 to 3 of rows 1 and 2.
            dict(id=1, image_id=10, category_id=7, bbox=[1, 1, 3, 2], segmentation=[[1, 1, 4, 1, 4, 3, 1, 3]]),
            # 24 pixels of columns of 5, then 3 set: the last of column 4, the first two of column 5.
            dict(
                id=2,
                image_id=10,
                category_id=7,
                iscrowd=0,
                bbox=[4.5, 0, 1.25, 5],
                segmentation=dict(size=[5, 6], counts=[24, 3, 3]),
            ),
            # All of column 1: a part of it is the first dog's.
            dict(
                id=3,
                image_id=10,
                category_id=7,
                iscrowd=1,
                bbox=[1, 0, 1, 5],
                segmentation=dict(size=[5, 6], counts=[5, 5, 20]),
            ),
            dict(id=4, image_id=10, category_id=3, bbox=[0, 4, 1, 1], segmentation=[[0, 4, 1, 4, 1, 5, 0, 5]]),
            dict(id=5, image_id=11, category_id=3, bbox=[2, 2, 2, 2], segmentation=[[2, 2, 4, 2, 4, 4, 2, 4]]),
            dict(
                id=6,
                image_id=12,
                category_id=3,
                iscrowd=1,
                bbox=[0, 0, 1, 1],
                segmentation=dict(size=[5, 6], counts=[0, 1, 29]),
            ),
        ],
    )


@pytest.fixture
def coco() -> dict:
    """The content of :func:`coco_data`, to change."""
    return coco_data()


@pytest.fixture
def coco_root(tmp_path: Path) -> Path:
    """A data root with that content in ``coco.json``; the images would be in ``images``."""
    (tmp_path / 'coco.json').write_text(json.dumps(coco_data()))
    return tmp_path
