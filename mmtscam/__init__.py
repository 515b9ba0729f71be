"""Weakly supervised object localization for OpenMMLab.

This import is light, because the functions of :mod:`mmtscam.localization`
need nothing of OpenMMLab. mmengine finds everything else through
:mod:`mmtscam.registry`.
"""

import sys

from .version import __version__

if 'mmengine' in sys.modules:
    # A program that uses mmengine may need our scope and our configs next.
    from . import registry  # noqa: F401

__all__ = ['__version__']
