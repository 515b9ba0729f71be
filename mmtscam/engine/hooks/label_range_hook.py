"""Finds labels that the head has no class for."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmtscam.registry import HOOKS


@HOOKS.register_module()
class LabelRangeHook(Hook):
    """Checks before the first step that every label is one of the head's classes.

    On a GPU such a label would end in a device-side assertion that names
    nothing.
    """

    def __init__(self) -> None:
        self._checked: list[int] = []

    def before_train(self, runner: Runner) -> None:
        """Check the training data."""
        self._check(runner, runner.train_dataloader)

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        self._check(runner, runner.val_dataloader)

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self._check(runner, runner.test_dataloader)

    def _check(self, runner: Runner, dataloader: DataLoader) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        num_classes = getattr(getattr(model, 'head', None), 'num_classes', None)
        dataset: Any = dataloader.dataset
        if num_classes is None or id(dataset) in self._checked:
            return
        self._checked.append(id(dataset))
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            if not 0 <= info.get('gt_label', 0) < num_classes:  # images may come without a label
                raise ValueError(
                    f'{info["img_path"]}: label {info["gt_label"]} is outside the {num_classes} classes of the head; '
                    'set model.head.num_classes to the number of classes of the data'
                )
