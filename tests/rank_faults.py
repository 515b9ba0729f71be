"""Parts of a config that fail in one rank, at one point: those of a user's that have a bug, or a machine in trouble."""

import os
import resource
import signal
import time
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmtscam.evaluation import LocAccuracy
from mmtscam.registry import HOOKS, METRICS


def _bug() -> None:
    raise RuntimeError('a bug of my own')


def _no_file() -> None:
    open('nowhere/needed.txt')  # noqa: PTH123, SIM115


def _full_disk() -> None:
    """From here on this process's files have no room, as on a disk that is full; its log is no longer."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))


FAULTS = {
    'bug': _bug,
    'no file': _no_file,
    'full disk': _full_disk,
    'killed': lambda: os.kill(os.getpid(), signal.SIGKILL),
}


class _Fault:
    def __init__(self, fault: str, rank: int, others: float) -> None:
        self.fault, self.rank, self.others = fault, rank, others

    def __call__(self, *_: Any, **__: Any) -> None:
        if get_rank() == self.rank:
            FAULTS[self.fault]()
        elif self.others:
            time.sleep(self.others)


@HOOKS.register_module()
class FaultHook(Hook):
    """Fails in one rank at a point: the name of a hook's method, or ``forward``, in the model's head.

    Args:
        fault: One of :data:`FAULTS`.
        point: Where it fails.
        rank: The rank that fails.
        others: Seconds for which the others are busy by themselves there.
    """

    def __init__(self, fault: str, point: str, rank: int = 1, others: float = 0) -> None:
        self.failing = _Fault(fault, rank, others)
        self.forward = point == 'forward'
        if not self.forward:
            setattr(self, point, self.failing)

    def before_run(self, runner: Any) -> None:
        if self.forward:
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            model.backbone.register_forward_pre_hook(self.failing)


@METRICS.register_module()
class FaultMetric(LocAccuracy):
    """Fails in one rank as it scores, or in the main process as it makes numbers.

    Args:
        fault: One of :data:`FAULTS`.
        point: ``'score'`` or ``'summarise'``.
        rank: The rank that fails.
        **arguments: Those of ``LocAccuracy``.
    """

    def __init__(self, fault: str, point: str, rank: int = 1, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.failing, self.point = _Fault(fault, rank, 0), point

    def score(self, sample: dict, protocol: Any) -> Any:
        if self.point == 'score':
            self.failing()
        return super().score(sample, protocol)

    def summarise(self, scored: Any, images: int) -> Any:
        if self.point == 'summarise':
            self.failing()
        return super().summarise(scored, images)


@HOOKS.register_module()
class InfiniteLossHook(Hook):
    """Makes the loss of one rank infinite, and checks losses as mmdet's hook does.

    Args:
        rank: That rank.
    """

    def __init__(self, rank: int = 1) -> None:
        self.rank = rank

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        loss = outputs['loss'] / (0 if get_rank() == self.rank else 1)
        assert torch.isfinite(loss), 'loss become infinite or NaN!'
