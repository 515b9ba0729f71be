"""Evaluation of localization."""

from .metrics import *  # noqa: F403
