"""Masks for the sample set."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from mmtscam.registry import DATASETS


def add_masks(cfg: Config, data_root: Path, folder: Path) -> None:
    """Make a mask for every image of the test split: an ellipse in its true box."""
    for info in DATASETS.build(cfg.test_dataloader.dataset.copy()):
        sample = info['data_samples']
        x1, y1, x2, y2 = sample.gt_instances.bboxes[0].int().tolist()
        mask = np.zeros(sample.ori_shape, np.uint8)
        cv2.ellipse(mask, ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2), 0, 0, 360, 255, -1)
        path = (folder / Path(sample.img_path).relative_to(data_root / 'images')).with_suffix('.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), mask)
    cfg.test_dataloader.dataset.masks = dict(type='MaskImages', mask_dir=str(folder))
