"""Thresholds for the metrics of an evaluator: from a file, and by a sweep."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmtscam.localization import Protocol
from mmtscam.registry import METRICS
from mmtscam.utils.config import type_class

from .metrics import BaseLocMetric
from .origins import other_checkpoints, other_views
from .samples import image_key
from .threshold_file import image_digest, load_thresholds


def loc_metrics(evaluator: dict | Sequence[dict]) -> list[tuple[dict[str, Any], type[BaseLocMetric]]]:
    """The localization metrics of an evaluator, built in or not.

    Args:
        evaluator: Config of a metric, of several, or of an ``Evaluator``.

    Returns:
        Their configs, not copies, and their classes.
    """
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', [evaluator])
    configs = [evaluator] if isinstance(evaluator, dict) else evaluator
    found = []
    for config in configs:
        kind = type_class(config['type'], METRICS)
        if isinstance(kind, type) and issubclass(kind, BaseLocMetric):
            found.append((config, kind))
    return found


def set_threshold_file(evaluator: dict | Sequence[dict], path: str, origin: Mapping[str, Any] | None = None) -> None:
    """Let every metric of an evaluator that asks for a threshold take it from a file.

    A threshold that a metric sets itself is taken out.

    Args:
        evaluator: The same as for :func:`loc_metrics`; changed in place.
        path: The threshold file.
        origin: Checkpoint and views from which the maps come, see
            :func:`~mmtscam.engine.run_origin.run_origin`. The log says so if
            those of the file's maps were others.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not a threshold file, or no metric asks for a
            threshold.
    """
    chosen_on, origin = load_thresholds(path).origin, origin or {}
    if checkpoints := other_checkpoints(chosen_on, origin):
        _warn(
            f'{path}: its thresholds were chosen with another checkpoint ({checkpoints[0]}) than this one '
            f'({checkpoints[1]}): choose them anew for it'
        )
    if views := other_views(chosen_on, origin):
        _warn(
            f'{path}: its thresholds were chosen on maps of other views ({views[0]}) than these '
            f'({views[1]}), which have other values: choose them on such maps, with --save-maps and evaluate_maps'
        )
    for config, _ in _asking(evaluator):
        _unset(config)
        config['threshold_file'] = path


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)


def set_threshold(evaluator: dict | Sequence[dict], threshold: float) -> None:
    """Let every metric of an evaluator that scores at one threshold take this one.

    Args:
        evaluator: The same as for :func:`loc_metrics`; changed in place.
        threshold: The threshold.
    """
    for config, kind in loc_metrics(evaluator):
        if kind.uses_threshold:
            _unset(config)
            config['threshold'] = threshold


def sweeps_for(evaluator: dict | Sequence[dict]) -> list[dict[str, Any]]:
    """Configs of the sweeps from which an evaluator's thresholds can be chosen.

    Args:
        evaluator: The same as for :func:`loc_metrics`.

    Returns:
        One config for each protocol and kind of map: that of a metric which
        sweeps, where there is one, else of
        :class:`~mmtscam.evaluation.MaxBoxAcc`.

    Raises:
        ValueError: If no metric asks for a threshold.
    """
    sweeps: dict[tuple[Protocol, str], dict[str, Any]] = {}
    # Metrics that sweep come first: they say with which step.
    for config, kind in sorted(_asking(evaluator), key=lambda pair: not pair[1].sweeps):
        # A config that holds classes can be written to a file only while it is no plain dict.
        config = config.copy()
        _unset(config)
        metric: BaseLocMetric = METRICS.build(dict(config))
        rules = replace(metric.protocol, threshold=None)
        if not kind.sweeps:
            # A dict and not the value, for configs are written to files.
            config = dict(type='MaxBoxAcc', protocol=dict(base='tscam', **asdict(rules)), map_kind=metric.map_kind)
        config['prefix'] = f'{rules.name}-{metric.map_kind}-{len(sweeps)}'
        sweeps.setdefault((rules, metric.map_kind), config)
    return list(sweeps.values())


def _asking(evaluator: dict | Sequence[dict]) -> list[tuple[dict[str, Any], type[BaseLocMetric]]]:
    asking = [(config, kind) for config, kind in loc_metrics(evaluator) if kind.uses_threshold or kind.sweeps]
    if not asking:
        raise ValueError('no metric of the evaluator uses a threshold; LocAccuracy and MaxBoxAcc do')
    return asking


def _unset(config: dict[str, Any]) -> None:
    """Take out whatever sets a threshold."""
    for key in ('threshold', 'threshold_file'):
        config.pop(key, None)
    if isinstance(config.get('protocol'), dict):
        config['protocol'] = {key: value for key, value in config['protocol'].items() if key != 'threshold'}


def check_disjoint(validation: BaseDataset, test: BaseDataset) -> list[str]:
    """Make sure that a threshold is not chosen on the images that are to be scored with it.

    Args:
        validation: Data set on which to choose.
        test: Data set to be scored.

    Returns:
        Ids of the validation images.

    Raises:
        ValueError: If the two share images.
    """
    ids = [str(image_key(validation.get_data_info(index))) for index in range(len(validation))]
    scored = {image_digest(str(image_key(test.get_data_info(index)))) for index in range(len(test))}
    shared = [image for image in ids if image_digest(image) in scored]
    if shared:
        raise ValueError(
            f'the validation split shares {len(shared)} of its {len(ids)} images with the test split ({shared[0]}): '
            'a threshold chosen there would be an oracle. Name other images in val_dataloader, as in '
            'val_dataloader.dataset.dataset.split=train or, in a folder of your own images, '
            'val_dataloader.dataset.dataset.data_prefix=val with img_prefix and ann_file of dataset.boxes. (Images are '
            'told apart by their paths in data_root: two splits with the same names in them need a common data_root.)'
        )
    return ids
