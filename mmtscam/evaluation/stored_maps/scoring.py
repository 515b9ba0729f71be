"""Scoring stored maps."""

from collections.abc import Sequence

from rich.progress import track

from mmtscam.evaluation.metrics import BaseLocMetric
from mmtscam.evaluation.report import MetricResult

from .map_file import MapFile
from .score_map_folder import ScoreMapFolder


def evaluate_maps(maps: MapFile | ScoreMapFolder, metrics: Sequence[BaseLocMetric]) -> list[MetricResult]:
    """Score stored maps, one image after the other, with a progress bar.

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
    for sample in track(maps, description='Scoring maps', total=len(maps)):
        for metric in metrics:
            metric.process({}, [sample])
    for metric in metrics:
        metric.evaluate(len(maps))
    return [result for metric in metrics if metric.result for result in (metric.result, *metric.set_results)]
