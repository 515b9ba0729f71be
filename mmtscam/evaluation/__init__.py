"""Evaluation of localization."""

from .map_file import MapFile, MapPart, merge_parts
from .metrics import BaseLocMetric, BaseSumMetric, LocAccuracy, MaxBoxAcc, PixelAP
from .report import Figure, MetricReport, print_choices, print_reports, write_reports
from .score_map_folder import ScoreMapFolder
from .thresholds import ThresholdChoice, ThresholdFile, ThresholdSource, load_thresholds, save_thresholds

__all__ = [
    'BaseLocMetric',
    'BaseSumMetric',
    'Figure',
    'LocAccuracy',
    'MapFile',
    'MapPart',
    'MaxBoxAcc',
    'MetricReport',
    'PixelAP',
    'ScoreMapFolder',
    'ThresholdChoice',
    'ThresholdFile',
    'ThresholdSource',
    'load_thresholds',
    'merge_parts',
    'print_choices',
    'print_reports',
    'save_thresholds',
    'write_reports',
]
