"""Predictions of a test in one file."""

from mmengine.evaluator import DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log

from mmtscam.utils.files import unfinished


class DumpedPredictions(DumpResults):
    """mmengine's ``DumpResults``, which writes the pickle file whole or not at all."""

    def compute_metrics(self, results: list) -> dict:
        """Write the predictions.

        Args:
            results: The predictions.

        Returns:
            No metrics.
        """
        with unfinished(self.out_file_path) as temporary:
            dump(results, temporary, file_format='pkl')
        print_log(f'Written: {self.out_file_path}', logger='current')
        return {}
