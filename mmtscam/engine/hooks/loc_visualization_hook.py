"""Pictures from validation and test."""

import os.path as osp
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch.utils.data import DataLoader

from mmtscam.registry import HOOKS
from mmtscam.structures import LocDataSample
from mmtscam.utils.images import loads_upright, pipeline_of, read_image
from mmtscam.visualization import check_display


@HOOKS.register_module()
class LocVisualizationHook(Hook):
    """Draws every ``interval``-th image of validation and test.

    The arguments are those of mmdet's ``DetVisualizationHook``, so that mmdet's
    ``tools/test.py`` can set them.

    Args:
        draw: Whether to draw at all.
        interval: Distance of the images that are drawn.
        score_thr: Boxes of a lower score are left out.
        show: Whether to open a window for each.
        wait_time: Seconds for which a window stays.
        test_out_dir: Folder for the pictures of a test, taken literally.
            Without it, and in validation, the visualizer's back ends get the
            pictures.
    """

    def __init__(
        self,
        draw: bool = False,
        interval: int = 100,
        score_thr: float = 0.0,
        show: bool = False,
        wait_time: float = 0.0,
        test_out_dir: str | None = None,
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be at least 1, got {interval}')
        self.draw = draw
        self.interval = interval
        self.score_thr = score_thr
        self.show = show
        self.wait_time = wait_time
        self.test_out_dir = test_out_dir

    def before_run(self, runner: Runner) -> None:
        """Refuse to show pictures where no window can be opened.

        Raises:
            ValueError: If there is no display.
        """
        if self.draw and self.show and is_main_process():  # the others show nothing
            check_display()

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[LocDataSample]
    ) -> None:
        """Draw from a validation batch."""
        self._draw(outputs, runner.val_dataloader, step=runner.epoch)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[LocDataSample]
    ) -> None:
        """Draw from a test batch."""
        self._draw(outputs, runner.test_dataloader, out_dir=self.test_out_dir)

    def _draw(
        self, samples: Sequence[LocDataSample], loader: DataLoader, step: int = 0, out_dir: str | None = None
    ) -> None:
        if not self.draw:
            return
        upright = loads_upright(pipeline_of(loader.dataset))
        visualizer = Visualizer.get_current_instance()
        for sample in samples:
            index = sample.get('number', sample.get('sample_idx', sample.get('img_id')))
            if index % self.interval:
                continue
            name = f'{index:06d}_{Path(sample.img_path).stem}'
            visualizer.add_datasample(
                name,
                read_image(sample.img_path, upright),
                sample,
                show=self.show,
                wait_time=self.wait_time,
                out_file=osp.join(out_dir, f'{name}.png') if out_dir else None,
                pred_score_thr=self.score_thr,
                step=step,
            )
