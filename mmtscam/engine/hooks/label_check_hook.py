"""A check that labels and class names mean the same to data and model, and that there is something to score."""

from typing import Any

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmtscam.evaluation import BaseLocMetric
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class LabelCheckHook(Hook):
    """Checks labels, class names and true boxes before the first step.

    Every label must be one of the head's classes. On a GPU any other label
    would end in a device-side assertion that names nothing. The names of the
    classes must be those of the training data, or of the checkpoint that is
    tested. Data sets that number their classes by folder give other labels
    where a folder is missing or renamed. A localization metric must find true
    boxes; validation data are looked at before the training.
    """

    def __init__(self) -> None:
        self._checked: list[int] = []
        self._classes: tuple[str, ...] | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember the class names on which a checkpoint was trained."""
        self._classes = checkpoint.get('meta', {}).get('dataset_meta', {}).get('classes')

    def before_train(self, runner: Runner) -> None:
        """Check the training data, and remember its class names for later checks."""
        self._classes = None
        self._check(runner, runner.train_dataloader)
        self._classes = runner.train_dataloader.dataset.metainfo.get('classes')
        if runner.val_loop is not None:
            _check_truth(runner.val_dataloader, runner.val_evaluator)

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        self._check(runner, runner.val_dataloader)
        _check_truth(runner.val_dataloader, runner.val_evaluator)

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self._check(runner, runner.test_dataloader)
        _check_truth(runner.test_dataloader, runner.test_evaluator)

    def _check(self, runner: Runner, dataloader: DataLoader) -> None:
        dataset: Any = dataloader.dataset
        if id(dataset) in self._checked:
            return
        self._checked.append(id(dataset))
        self._check_names(dataset.metainfo.get('classes'))

        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        num_classes = getattr(getattr(model, 'head', None), 'num_classes', None)
        if num_classes is None:
            return
        labels = _read_labels(dataset)
        outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
        if len(outside):
            index = int(outside[0])
            raise ValueError(
                f'{dataset.get_data_info(index)["img_path"]}: label {labels[index]} is outside the {num_classes} '
                'classes of the head; set model.head.num_classes to the number of classes of the data'
            )
        highest = labels.max(initial=-1)
        if highest + 1 < num_classes:
            runner.logger.warning(
                f'The highest label is {highest}, but the head has {num_classes} classes: '
                'is model.head.num_classes the number of classes of the data?'
            )

    def _check_names(self, classes: tuple[str, ...] | None) -> None:
        if not classes or not self._classes or tuple(classes) == tuple(self._classes):
            return
        missing = sorted(set(self._classes) - set(classes))
        added = sorted(set(classes) - set(self._classes))
        raise ValueError(
            'the classes of the data are not those that were trained on'
            f' (missing: {", ".join(missing) or "none"}; new: {", ".join(added) or "none"}): their labels would not '
            'mean the same; give both the same class folders or names in the same order'
        )


def _check_truth(dataloader: DataLoader, evaluator: Evaluator) -> None:
    for metric in evaluator.metrics:
        if isinstance(metric, BaseLocMetric):
            metric.check_dataset(dataloader.dataset)


def _read_labels(dataset: Any) -> np.ndarray:
    """The labels of a data set (N,), 0 for images without one."""
    try:
        return np.asarray(dataset.get_gt_labels())
    except (AttributeError, KeyError):  # what repeats or joins data sets gives none, nor do such images
        return np.array([dataset.get_data_info(index).get('gt_label', 0) for index in range(len(dataset))], np.int64)
