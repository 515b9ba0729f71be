"""The version of the package; nothing else states it."""

__version__ = '0.1.0'
