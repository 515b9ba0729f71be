"""A line in the log where the foreground is larger or smaller than it was asked to be."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmtscam.registry import HOOKS


@HOOKS.register_module()
class ForegroundAreaHook(Hook):
    """Compares the mean area of foreground maps with what the head asks for, after every epoch of training.

    A head such as :class:`~mmtscam.models.SATHead` holds the mean area of its
    maps at ``area``. Where the images pull the maps far away from it, the
    value does not suit the data.

    Args:
        tolerance: Distance of the epoch's mean area from ``area`` from which
            on the log says so.
    """

    def __init__(self, tolerance: float = 0.05) -> None:
        self.tolerance = tolerance
        self._areas: list[Any] = []  # read at the end of an epoch, so that a GPU is not waited for

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin anew."""
        self._areas.clear()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Note the mean area of a batch."""
        if outputs and 'area' in outputs:
            self._areas.append(outputs['area'])

    def after_train_epoch(self, runner: Runner) -> None:
        """Compare."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        wanted = getattr(getattr(model, 'head', None), 'area', None)
        if wanted is None or not self._areas:
            return
        areas = torch.stack([torch.as_tensor(area, dtype=torch.float32) for area in self._areas])
        found = float(areas.mean())
        if abs(found - wanted) > self.tolerance:
            more = found > wanted
            runner.logger.warning(
                f'Epoch {runner.epoch + 1}: the foreground filled {found:.2f} of an image on average, and '
                f'model.head.area asks for {wanted:.2f}. If this does not end after some epochs, objects are '
                f'{"larger" if more else "smaller"} than it says: set model.head.area '
                f'{"higher" if more else "lower"}, and look at some maps'
            )
