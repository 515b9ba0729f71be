"""Evaluation outside a Runner: choosing thresholds, scoring stored maps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmengine.dataset import BaseDataset
from rich.progress import track

from mmtscam.evaluation import BaseLocMetric, MapFile, MetricReport, ScoreMapFolder
from mmtscam.evaluation.thresholds import image_digest
from mmtscam.localization import Protocol, get_protocol

_SWEPT = ('LocAccuracy', 'MaxBoxAcc')


def evaluate_maps(maps: MapFile | ScoreMapFolder, metrics: Sequence[BaseLocMetric]) -> list[MetricReport]:
    """Score stored maps, one image after the other, with a progress bar.

    Args:
        maps: Where they are.
        metrics: What to compute from them.

    Returns:
        A report of each metric.

    Raises:
        ValueError: If a map or what is known of its image cannot be scored.
    """
    for metric in metrics:
        metric.dataset_meta = dict(classes=maps.classes)
    for sample in track(maps, description='Scoring maps', total=len(maps)):
        for metric in metrics:
            metric.process({}, [sample])
    for metric in metrics:
        metric.evaluate(len(maps))
    return [metric.report for metric in metrics if metric.report]


def is_swept(metric: dict) -> bool:
    """Whether a metric's config is of one that takes its threshold from a threshold file."""
    return metric['type'].split('.')[-1] in _SWEPT


def sweeps_for(evaluator: dict | Sequence[dict]) -> list[dict[str, Any]]:
    """Configs of the sweeps from which an evaluator's thresholds can be chosen.

    Args:
        evaluator: One or several configs of metrics, as ``test_evaluator``.

    Returns:
        One config of :class:`~mmtscam.evaluation.MaxBoxAcc` for each protocol
        and kind of maps.

    Raises:
        ValueError: If no metric uses a threshold.
    """
    sweeps: dict[tuple[Protocol, str], dict[str, Any]] = {}
    for metric in [evaluator] if isinstance(evaluator, dict) else evaluator:
        if not is_swept(metric):
            continue
        default = 'tscam' if metric['type'].endswith('LocAccuracy') else 'wsol-v2'
        protocol, map_name = metric.get('protocol', default), metric.get('map_name', 'maps')
        rules = replace(get_protocol(protocol), threshold=None)
        prefix = f'{rules.name}-{map_name}-{len(sweeps)}'
        sweep = dict(type='MaxBoxAcc', protocol=protocol, map_name=map_name, prefix=prefix)
        sweeps.setdefault((rules, map_name), sweep)
    if not sweeps:
        raise ValueError('test_evaluator has no LocAccuracy or MaxBoxAcc, so there is no threshold to choose')
    return list(sweeps.values())


def check_disjoint(validation: BaseDataset, test: BaseDataset) -> list[str]:
    """Make sure that a threshold is not chosen on the images that are to be scored with it.

    Args:
        validation: Data set on which to choose.
        test: Data set to be scored.

    Returns:
        Paths of the validation images.

    Raises:
        ValueError: If the two share images.
    """
    paths = [validation.get_data_info(index)['img_path'] for index in range(len(validation))]
    scored = {image_digest(test.get_data_info(index)['img_path']) for index in range(len(test))}
    shared = [path for path in paths if image_digest(path) in scored]
    if shared:
        raise ValueError(
            f'the validation split shares {len(shared)} of its {len(paths)} images with the test split ({shared[0]}): '
            'a threshold chosen there would be an oracle. Name other images for it, as in --cfg-options '
            'val_dataloader.dataset.dataset.split=train'
        )
    return paths
