"""A check that labels and class names mean the same to data and model, and that there is something to score."""

from typing import Any

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmtscam.datasets.labels import labels_of
from mmtscam.engine.run_origin import loaded_file
from mmtscam.evaluation import BaseLocMetric
from mmtscam.models.checkpoints import TrainedClasses, classes_of, trained_classes
from mmtscam.registry import HOOKS
from mmtscam.utils.class_names import check_same_classes


@HOOKS.register_module()
class LabelCheckHook(Hook):
    """Checks labels, class names and true boxes, before the first step those of the validation too.

    Every label must be one of the head's classes. On a GPU any other label
    would end in a device-side assertion that names nothing. The names of the
    classes must be those of the training data, or of the checkpoint that is
    tested or resumed; a checkpoint that training starts from may have other
    names, but not the same ones in another order. Data sets that number their
    classes by folder give other labels where a folder is missing or renamed.
    A localization metric must find true boxes.
    """

    def __init__(self) -> None:
        self._checked: list[int] = []
        self._classes: tuple[str, ...] = ()
        self._source = ''

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember the class names on which a checkpoint was trained."""
        self._classes, self._source = classes_of(checkpoint), loaded_file(runner)

    def before_train(self, runner: Runner) -> None:
        """Check the training data against what the weights come from, and the validation data against the former."""
        classes = runner.train_dataloader.dataset.metainfo.get('classes')
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loaded = TrainedClasses(self._source, self._classes, exact=bool(runner._resume))
        for file, names, exact in [*trained_classes(model), loaded]:
            if not check_same_classes(names, classes, file, 'the training data', exact):
                runner.logger.warning(
                    f'{file} was trained on other classes than those of the training data: its weights are a start'
                )
        self._classes = ()
        self._check(runner, runner.train_dataloader, 'the training data')
        self._classes, self._source = classes or (), 'the training data'
        if runner.val_loop is not None:
            self.before_val(runner)

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        self._check(runner, runner.val_dataloader, 'the validation data')
        _check_truth(runner.val_dataloader, runner.val_evaluator)

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self._check(runner, runner.test_dataloader, 'the test data')
        _check_truth(runner.test_dataloader, runner.test_evaluator)

    def _check(self, runner: Runner, dataloader: DataLoader, name: str) -> None:
        dataset: Any = dataloader.dataset
        if id(dataset) in self._checked:
            return
        self._checked.append(id(dataset))
        check_same_classes(self._classes, dataset.metainfo.get('classes'), self._source, name)

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


def _check_truth(dataloader: DataLoader, evaluator: Evaluator) -> None:
    for metric in evaluator.metrics:
        if isinstance(metric, BaseLocMetric):
            metric.check_dataset(dataloader.dataset)


def _read_labels(dataset: Any) -> np.ndarray:
    """The labels of a data set (N,), 0 for images without one; refuses several labels an image."""
    labels = labels_of(dataset)
    if labels is not None:
        return labels
    found = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        label = info.get('gt_label', 0)
        if not isinstance(label, int | np.integer):
            raise ValueError(
                f'{info["img_path"]}: needs one label, got {label!r}: a class is learnt and localized from one label '
                'an image'
            )
        found.append(label)
    return np.array(found, np.int64)
