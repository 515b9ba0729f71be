"""Scoring stored maps."""

from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from rich.progress import track

from mmtscam.evaluation.metrics import BaseLocMetric
from mmtscam.evaluation.report import MetricResult
from mmtscam.evaluation.shared_scoring import shared_scoring

from .map_file import MapFile
from .score_map_folder import ScoreMapFolder

_BATCH = 64  # images


def evaluate_maps(maps: MapFile | ScoreMapFolder, metrics: Sequence[BaseLocMetric]) -> list[MetricResult]:
    """Score stored maps with a progress bar, on the cores of this machine.

    Args:
        maps: Where they are.
        metrics: The metrics to compute from them.

    Returns:
        The result of each metric, followed by those of its sets where the
        maps are of several.

    Raises:
        ValueError: If a map or what is known of its image cannot be scored.
    """
    for metric in metrics:
        metric.dataset_meta = dict(classes=maps.classes)
    samples: Any = track(maps, description='Scoring maps', total=len(maps))
    # Closed, the bar ends before the message of an error comes.
    with shared_scoring(metrics), closing(samples):
        while batch := list(islice(samples, _BATCH)):
            for metric in metrics:
                metric.process({}, batch)
    for metric in metrics:
        metric.evaluate(len(maps))
    return [result for metric in metrics if metric.result for result in (metric.result, *metric.set_results)]
