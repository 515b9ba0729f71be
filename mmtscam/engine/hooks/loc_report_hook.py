"""The report at the end of a test."""

from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtscam.engine.run_origin import run_origin
from mmtscam.evaluation import print_results, write_report
from mmtscam.registry import HOOKS
from mmtscam.utils.files import check_writable


@HOOKS.register_module()
class LocReportHook(Hook):
    """Prints a table of a test's localization results and writes its report.

    ``report.json`` has every number with its protocol, its kind of map, its
    threshold and the threshold's source. It also has the curves, and the
    hashes of config and checkpoint. ``PROTOCOL.csv`` has one row an image.

    Args:
        out_dir: Folder for the files; that of the run's log by default.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str | None = None) -> None:
        self.out_dir = out_dir

    def before_test(self, runner: Runner) -> None:
        """Refuse metrics whose numbers would have the same names, and a folder that takes no files.

        Raises:
            ValueError: If there are such metrics.
            OSError: If the folder is such a one.
        """
        if is_main_process():
            check_writable(self.out_dir or runner.log_dir, is_folder=True)
        seen: dict[Any, str] = {}
        for metric in runner.test_evaluator.metrics:
            kind = type(metric)
            # A subclass that inherits the method gives the same names.
            maker = (getattr(kind, 'summarise', kind), metric.prefix)
            if maker in seen:
                kinds = ' and '.join(dict.fromkeys((seen[maker], kind.__name__)))
                raise ValueError(
                    f'several {kinds} in test_evaluator report as {metric.prefix!r}: give each its own prefix'
                )
            seen[maker] = kind.__name__

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Print and write the results of the metrics."""
        results = []
        for metric in runner.test_evaluator.metrics:
            if (result := getattr(metric, 'result', None)) is not None:
                results += [result, *getattr(metric, 'set_results', [])]
        if not results:
            return
        print_results(results)
        for file in write_report(self.out_dir or runner.log_dir, results, run_origin(runner)):
            runner.logger.info(f'Written: {file}')
