"""The report at the end of a test."""

import hashlib
import os.path as osp
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtscam.evaluation import print_reports, write_reports
from mmtscam.utils.files import file_sha256
from mmtscam.registry import HOOKS


@HOOKS.register_module()
class LocReportHook(Hook):
    """Prints a table of a test's localization results and writes them to files.

    ``report.json`` has every figure with its protocol, its threshold and how
    that was chosen, the curves, and the hashes of config and checkpoint;
    ``PROTOCOL.csv`` has one row an image.

    Args:
        out_dir: Folder for the files; that of the run's log by default.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str | None = None) -> None:
        self.out_dir = out_dir

    def before_test(self, runner: Runner) -> None:
        """Refuse metrics whose results would have the same names, before the work is done.

        Raises:
            ValueError: If there are such.
        """
        names = [(type(metric).__name__, metric.prefix) for metric in runner.test_evaluator.metrics]
        for kind, prefix in names:
            if names.count((kind, prefix)) > 1:
                raise ValueError(f'several {kind} in test_evaluator report as {prefix!r}: give each its own prefix')

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Print and write what the metrics have left."""
        reports = [
            metric.report for metric in runner.test_evaluator.metrics if getattr(metric, 'report', None) is not None
        ]
        if not reports:
            return
        print_reports(reports)
        for file in write_reports(self.out_dir or runner.log_dir, reports, run_origin(runner)):
            runner.logger.info(f'Written: {file}')


def run_origin(runner: Runner) -> dict[str, Any]:
    """Where the results of a run come from.

    Args:
        runner: The Runner, after its test.

    Returns:
        Names and SHA-256 of the config (of its model, test data and evaluator,
        with all changes) and of the checkpoint (``None`` where it is no local
        file), the type of the data set and the precision of the forward pass.
    """
    checkpoint = runner._load_from
    scored = Config({key: runner.cfg[key] for key in ('model', 'test_dataloader', 'test_evaluator')})
    return dict(
        config=runner.cfg.filename,
        config_sha256=hashlib.sha256(scored.pretty_text.encode()).hexdigest(),
        checkpoint=checkpoint,
        checkpoint_sha256=file_sha256(checkpoint) if checkpoint and osp.isfile(checkpoint) else None,
        dataset=runner.cfg.test_dataloader.dataset.type,
        precision=str(getattr(runner.test_loop, 'amp_dtype', None) or torch.float32).removeprefix('torch.'),
    )
