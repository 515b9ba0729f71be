"""Evaluation in which the CPU scores one batch while the accelerator computes the next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from mmengine.runner.amp import autocast
from mmengine.structures import BaseDataElement

from mmtscam.engine.precision import amp_dtype
from mmtscam.evaluation import shared_scoring

from .joined_sets import set_finder

if TYPE_CHECKING:
    from mmengine.runner import BaseLoop as _Loop
else:
    _Loop = object


class OverlapMixin(_Loop):
    """Starts each batch before it scores the one before it.

    A GPU computes on its own once its work is queued. mmengine's loops look
    at the predictions of a batch at once, and the GPU idles while the CPU
    draws boxes and scores them. Here it has the next batch to compute. Cores
    that the workers of the loader leave idle share the scoring, see
    :func:`~mmtscam.evaluation.shared_scoring`.
    Results are the same, and metrics see them in the same order. The hooks'
    ``before_*_iter`` of a batch comes before ``after_*_iter`` of the previous
    batch, so the first logged ``time`` is that of two batches. Losses among
    predictions, which this package's models do not give, are not gathered.

    Each sample is given its ``number`` in the data set, from 0, for ids of
    images are unique within one file at most; and ``set_name`` where the data
    set joins several, see :func:`~mmtscam.engine.loops.joined_sets.set_finder`.

    Args:
        *args: Arguments of mmengine's loop. ``fp16`` predicts in mixed
            precision, in :func:`~mmtscam.engine.precision.amp_dtype`.
        **kwargs: Arguments of mmengine's loop.
    """

    stage: str
    evaluator: Any
    fp16: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.amp_dtype = amp_dtype() if self.fp16 else None
        if self.amp_dtype is not None:
            print_log(f'The {self.stage} predicts in mixed precision, {self.amp_dtype}', logger='current')
        self._started: tuple[int, Any, Sequence, Sequence[int]] | None = None
        self._set_of = set_finder(self.dataloader.dataset)
        self._numbers: Iterator[Sequence[int]] = iter(())

    def run(self) -> dict:
        """See mmengine's loop; cores that neither this process nor its loader's workers need share the scoring."""
        with shared_scoring(self.evaluator.metrics, self.dataloader.num_workers):
            return super().run()

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Start a batch, then score the previous one; score the last batch too.

        Args:
            idx: Index of the batch.
            data_batch: The loader's batch.
        """
        if idx == 0:
            self._started = None  # of a run that failed
            # The sampler deals out the same numbers as it does to the loader.
            self._numbers = iter(self.dataloader.batch_sampler)
        self.runner.call_hook(f'before_{self.stage}_iter', batch_idx=idx, data_batch=data_batch)
        step = getattr(self.runner.model, f'{self.stage}_step')
        with autocast(enabled=self.amp_dtype is not None, dtype=self.amp_dtype):
            outputs = step(data_batch)
        self._score()
        self._started = idx, data_batch, outputs, next(self._numbers)
        if idx + 1 == len(self.dataloader):
            self._score()

    def _score(self) -> None:
        if self._started is None:
            return
        (idx, data_batch, outputs, numbers), self._started = self._started, None
        for number, sample in zip(numbers, outputs, strict=False):  # some models give fewer, or no samples
            if isinstance(sample, BaseDataElement):
                name = self._set_of(number)
                sample.set_metainfo(dict(number=number) if name is None else dict(number=number, set_name=name))
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(f'after_{self.stage}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
