"""A report of a test as a folder with an HTML page: numbers, curves, outcomes by class, and a gallery with maps."""

from mmtscam.evaluation.report_reader import Row, RunResult, read_result

from .write import Written, write_html_report

__all__ = ['Row', 'RunResult', 'Written', 'read_result', 'write_html_report']
