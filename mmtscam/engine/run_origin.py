"""The origin of a run's results."""

import hashlib
import os.path as osp
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint

from mmtscam.utils.config import type_name
from mmtscam.utils.files import file_sha256
from mmtscam.utils.images import loads_upright, pipeline_of
from mmtscam.utils.views import describe_views


def loaded_file(runner: Runner) -> str:
    """Name of the checkpoint that a Runner loads or resumes, for messages."""
    return (
        getattr(runner, 'loaded_file', None)
        or runner._load_from
        or find_latest_checkpoint(runner.work_dir)
        or 'the checkpoint'
    )


def checkpoint_origin(checkpoint: str | None) -> dict[str, str | None]:
    """Name and SHA-256 of a checkpoint; the latter is ``None`` where it is no local file."""
    digest = file_sha256(checkpoint) if checkpoint and osp.isfile(checkpoint) else None
    return dict(checkpoint=checkpoint, checkpoint_sha256=digest)


def run_origin(runner: Runner) -> dict[str, Any]:
    """Say where the results of a run come from.

    Args:
        runner: The Runner, after its test.

    Returns:
        Names and SHA-256 of the config and of the checkpoint, the type of the
        data set, whether its pipeline turns images ``upright``, the views
        of test-time augmentation (``None`` without), and the precision of the
        forward pass. The config's hash covers its model,
        test data and evaluator, with all changes. The checkpoint's is
        ``None`` where it is no local file.
    """
    scored = Config({key: runner.cfg[key] for key in ('model', 'test_dataloader', 'test_evaluator')})
    return dict(
        config=runner.cfg.filename,
        config_sha256=hashlib.sha256(scored.pretty_text.encode()).hexdigest(),
        **checkpoint_origin(runner._load_from),
        dataset=type_name(runner.cfg.test_dataloader.dataset.type),
        upright=loads_upright(pipeline_of(runner.cfg.test_dataloader.dataset)),
        views=describe_views(pipeline_of(runner.cfg.test_dataloader.dataset)),
        precision=str(getattr(runner.test_loop, 'amp_dtype', None) or torch.float32).removeprefix('torch.'),
    )
