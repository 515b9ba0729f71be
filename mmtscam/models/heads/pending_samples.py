"""Predictions that are copied from the device while the next batch is computed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import torch
from torch import Tensor

from mmtscam.structures import LocDataSample


class PendingSamples(Sequence[LocDataSample]):
    """The samples of a batch, filled in when they are first looked at.

    It behaves as a sequence of samples. The device's results are copied to
    the CPU without waiting. A caller that looks at them later, as
    :class:`~mmtscam.engine.LocTestLoop` does, lets the device compute the
    next batch in the meantime.

    Args:
        samples: The samples.
        tensors: Computed tensors by name, of any shape and device.
        fill: Fills in the samples from the tensors, which are on the CPU by
            then.
    """

    def __init__(
        self,
        samples: Sequence[LocDataSample],
        tensors: dict[str, Tensor],
        fill: Callable[[Sequence[LocDataSample], dict[str, Tensor]], None],
    ) -> None:
        self._samples = samples
        self._fill: Callable | None = fill
        devices = {tensor.device for tensor in tensors.values() if tensor.device.type == 'cuda'}
        self._tensors = {name: tensor.to('cpu', non_blocking=tensor.is_cuda) for name, tensor in tensors.items()}
        self._arrivals = []
        for device in devices:
            self._arrivals.append(torch.cuda.Event())
            self._arrivals[-1].record(torch.cuda.current_stream(device))

    def _filled(self) -> Sequence[LocDataSample]:
        if self._fill is not None:
            for arrival in self._arrivals:
                arrival.synchronize()
            self._fill(self._samples, self._tensors)
            self._fill = None
            self._tensors.clear()
        return self._samples

    def __len__(self) -> int:
        """Number of samples; they are not filled in for it."""
        return len(self._samples)

    def __iter__(self) -> Iterator[LocDataSample]:
        """The samples, filled in."""
        return iter(self._filled())

    @overload
    def __getitem__(self, index: int) -> LocDataSample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LocDataSample]: ...
    def __getitem__(self, index: Any) -> Any:
        """A sample, or several, filled in."""
        return self._filled()[index]

    def __reduce__(self) -> tuple[type, tuple[list[LocDataSample]]]:
        """Copy and pickle a plain list of the samples, without the model that fills them in."""
        return list, (list(self),)

    def __repr__(self) -> str:
        """The same text as for a list."""
        return repr(list(self))
