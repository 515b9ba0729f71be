"""Inference: images in, classes, boxes, maps and pictures out.

:class:`~mmtscam.apis.inferencer.LocInferencer` is found here. PyTorch and
OpenMMLab are loaded only when it is asked for, so that the command line of
:mod:`.infer` answers at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inferencer import LocInferencer as LocInferencer


def __getattr__(name: str) -> Any:
    if name != 'LocInferencer':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from .inferencer import LocInferencer

    return LocInferencer
