"""Weakly supervised object localization with TS-CAM, for OpenMMLab."""

import warnings

from .requirements import check_requirements
from .version import __version__

check_requirements()
# mmcv says so at import wherever mmcv-lite is installed, which is enough here.
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

from .checkpoint import allow_mmengine_checkpoints  # noqa: E402 - only after the check
from .external_configs import allow_inheritance  # noqa: E402

allow_mmengine_checkpoints()
allow_inheritance()

__all__ = ['__version__']
