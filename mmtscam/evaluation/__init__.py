"""Evaluation of localization."""

from .constant_boxes import constant_box_baselines
from .metrics import BaseLocMetric, BaseSumMetric, LocAccuracy, MaxBoxAcc, PixelAP
from .report import Figure, MetricReport, print_choices, print_reports, write_reports
from .report_reader import Row, RunResult, load_iou_curves, read_result
from .stored_maps import MapFile, MapPart, ScoreMapFolder, evaluate_maps, merge_parts
from .threshold_sweeps import check_disjoint, sweeps_for, swept_metrics
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
    'Row',
    'RunResult',
    'ScoreMapFolder',
    'ThresholdChoice',
    'ThresholdFile',
    'ThresholdSource',
    'check_disjoint',
    'constant_box_baselines',
    'evaluate_maps',
    'load_iou_curves',
    'load_thresholds',
    'merge_parts',
    'print_choices',
    'print_reports',
    'read_result',
    'save_thresholds',
    'sweeps_for',
    'swept_metrics',
    'write_reports',
]
