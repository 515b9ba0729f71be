"""Choosing thresholds for the metrics of an evaluator."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmengine.dataset import BaseDataset

from mmtscam.localization import Protocol, get_protocol
from mmtscam.registry import METRICS

from .metrics import LocAccuracy, MaxBoxAcc
from .samples import image_key
from .thresholds import image_digest


def swept_metrics(evaluator: dict | Sequence[dict]) -> list[dict[str, Any]]:
    """The metrics of an evaluator that can take their threshold from a threshold file.

    Args:
        evaluator: Config of a metric, of several, or of an ``Evaluator``.

    Returns:
        Their configs, not copies.

    Raises:
        ValueError: If there is none.
    """
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', [evaluator])
    metrics = [evaluator] if isinstance(evaluator, dict) else evaluator
    swept = [metric for metric in metrics if issubclass(_metric_class(metric), (LocAccuracy, MaxBoxAcc))]
    if not swept:
        raise ValueError('test_evaluator has no LocAccuracy or MaxBoxAcc, so no threshold is used')
    return swept


def _metric_class(metric: dict) -> type:
    kind = metric['type']
    return kind if isinstance(kind, type) else METRICS.get(kind) or object


def sweeps_for(evaluator: dict | Sequence[dict]) -> list[dict[str, Any]]:
    """Configs of the sweeps from which an evaluator's thresholds can be chosen.

    Args:
        evaluator: As for :func:`swept_metrics`.

    Returns:
        One config of :class:`~mmtscam.evaluation.MaxBoxAcc` for each protocol
        and kind of maps.

    Raises:
        ValueError: If no metric uses a threshold.
    """
    sweeps: dict[tuple[Protocol, str], dict[str, Any]] = {}
    metrics = swept_metrics(evaluator)
    # Those first that are sweeps themselves: they say with which step.
    for metric in sorted(metrics, key=lambda metric: not issubclass(_metric_class(metric), MaxBoxAcc)):
        sweeping = issubclass(_metric_class(metric), MaxBoxAcc)
        protocol = metric.get('protocol', 'wsol-v2' if sweeping else 'tscam')
        map_name = metric.get('map_name', 'maps')
        rules = replace(get_protocol(protocol), threshold=None)
        settings: dict[str, Any] = {key: metric[key] for key in ('step', 'num_workers') if sweeping and key in metric}
        prefix = f'{rules.name}-{map_name}-{len(sweeps)}'
        sweep = dict(type='MaxBoxAcc', protocol=protocol, map_name=map_name, prefix=prefix)
        sweeps.setdefault((rules, map_name), {**sweep, **settings})
    return list(sweeps.values())


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
            'a threshold chosen there would be an oracle. Name other images for it, as in --cfg-options '
            'val_dataloader.dataset.dataset.split=train. (Images are told apart by their paths in data_root: two '
            'splits with the same names in them need a common data_root.)'
        )
    return ids
