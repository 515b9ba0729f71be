"""Evaluation of localization."""

from .constant_boxes import constant_box_baselines
from .metrics import BaseLocMetric, BaseSumMetric, LocAccuracy, MaxBoxAcc, PixelAP
from .report import MetricResult, Number, print_choices, print_results, write_report
from .report_reader import RunResult, load_iou_curves, read_result, read_results
from .report_rows import Row
from .shared_scoring import shared_scoring
from .stored_maps import MapFile, MapPart, ScoreMapFolder, evaluate_maps, merge_parts
from .threshold_file import ThresholdFile, load_thresholds, save_thresholds
from .threshold_sweeps import check_disjoint, loc_metrics, set_threshold, set_threshold_file, sweeps_for
from .thresholds import ThresholdChoice, ThresholdSource

__all__ = [
    'BaseLocMetric',
    'BaseSumMetric',
    'LocAccuracy',
    'MapFile',
    'MapPart',
    'MaxBoxAcc',
    'MetricResult',
    'Number',
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
    'loc_metrics',
    'merge_parts',
    'print_choices',
    'print_results',
    'read_result',
    'read_results',
    'save_thresholds',
    'set_threshold',
    'set_threshold_file',
    'shared_scoring',
    'sweeps_for',
    'write_report',
]
