"""Weakly supervised object localization with TS-CAM, for OpenMMLab."""

from .requirements import check_requirements
from .version import __version__

check_requirements()

from .checkpoint import allow_mmengine_checkpoints  # noqa: E402 - only after the check

allow_mmengine_checkpoints()

__all__ = ['__version__']
