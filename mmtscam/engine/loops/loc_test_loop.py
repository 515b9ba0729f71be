"""The loop of a test."""

from mmengine.runner import TestLoop

from mmtscam.registry import LOOPS

from .overlap import OverlapMixin


@LOOPS.register_module()
class LocTestLoop(OverlapMixin, TestLoop):
    """mmengine's ``TestLoop``, overlapped: see :class:`OverlapMixin`."""

    stage = 'test'
