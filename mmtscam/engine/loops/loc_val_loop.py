"""The loop of a validation."""

from mmengine.runner import ValLoop

from mmtscam.registry import LOOPS

from .overlap import OverlapMixin


@LOOPS.register_module()
class LocValLoop(OverlapMixin, ValLoop):
    """mmengine's ``ValLoop``, overlapped: see :class:`OverlapMixin`."""

    stage = 'val'
