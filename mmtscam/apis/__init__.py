"""Inference: images in, classes, boxes, maps and pictures out.

PyTorch and OpenMMLab are loaded only when the inferencer is asked for, so
that the command line of :mod:`.infer` answers at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inferencer import LocInferencer

__all__ = ['LocInferencer']


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from .inferencer import LocInferencer

    return LocInferencer
