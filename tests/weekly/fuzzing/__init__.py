"""A seeded fuzzer of everything that reads a file or a setting.

``mutation`` spoils valid content, ``targets`` says what is read with which valid content, and ``running`` runs it.
"""

from .running import Outcome, fuzz, table
from .targets import all_targets

__all__ = ['Outcome', 'all_targets', 'fuzz', 'table']
