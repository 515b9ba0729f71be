"""Starts Python programs as children of one process that has imported what the tools need.

Most of a small run's time goes into imports. Use it for what a tool does. The start of a process itself, with its
imports and signals, needs a process of its own.
"""

from .service import Service

__all__ = ['Service']
