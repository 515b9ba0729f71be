"""A report of tests as a folder with an HTML page: numbers, curves, outcomes by class, and a gallery with maps."""

from mmtscam.evaluation.report_reader import RunResult, read_result, read_results
from mmtscam.evaluation.report_rows import Row

from .runs import Run
from .write import Written, write_html_report

__all__ = ['Row', 'Run', 'RunResult', 'Written', 'read_result', 'read_results', 'write_html_report']
