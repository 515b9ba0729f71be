"""Heads that turn features into classes and boxes."""

from .tscam_head import TSCAMHead

__all__ = ['TSCAMHead']
