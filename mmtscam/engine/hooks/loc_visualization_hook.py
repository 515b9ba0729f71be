"""Pictures from validation and test."""

import os.path as osp
from collections.abc import Sequence
from pathlib import Path

import mmcv
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from mmtscam.registry import HOOKS
from mmtscam.structures import LocDataSample


@HOOKS.register_module()
class LocVisualizationHook(Hook):
    """Draws every ``interval``-th image of validation and test.

    Args:
        enable: Whether to draw at all.
        interval: Distance of the images that are drawn.
        show: Whether to open a window for each.
        wait_time: Seconds for which a window stays.
        out_dir: Folder for the pictures; the visualizer's back ends get them
            where none is named.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 100,
        show: bool = False,
        wait_time: float = 0.0,
        out_dir: str | None = None,
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be at least 1, got {interval}')
        self.enable = enable
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[LocDataSample]
    ) -> None:
        """Draw from a validation batch."""
        self._draw(runner, outputs, step=runner.epoch)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[LocDataSample]
    ) -> None:
        """Draw from a test batch."""
        self._draw(runner, outputs, step=0)

    def _draw(self, runner: Runner, samples: Sequence[LocDataSample], step: int) -> None:
        if not self.enable:
            return
        visualizer = Visualizer.get_current_instance()
        for sample in samples:
            if sample.img_id % self.interval:
                continue
            name = f'{sample.img_id:06d}_{Path(sample.img_path).stem}'
            visualizer.add_datasample(
                name,
                # As the pipeline reads it, in RGB.
                mmcv.imread(sample.img_path, flag='color_ignore_orientation', channel_order='rgb', backend='pillow'),
                sample,
                show=self.show,
                wait_time=self.wait_time,
                out_file=osp.join(self.out_dir, f'{name}.png') if self.out_dir else None,
                step=step,
            )
