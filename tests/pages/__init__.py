"""Runs the commands and snippets of the pages as they stand there.

Every block of Bash or Python on a page runs, in the order of the page, unless a comment above it says otherwise:

====================================  ==========================================================================
``<!-- run by tests/FILE.py -->``     that file runs the block, which it gets from :func:`read_block`; ``.ci/run``
                                      stands for what CI does itself
``<!-- run weekly: needs minutes -->``  ``tests/weekly/test_pages.py`` runs it
``<!-- not run: REASON -->``          nothing runs it; :data:`blocks.REASONS` has the reasons
====================================  ==========================================================================

The parsers of the tools read every command of every page, also of those that are not run.

``blocks.py`` finds the blocks and marks, ``workplace.py`` makes the folder in which they run, ``runs.py`` runs a page,
and ``commands.py`` does what its commands say. ``given/`` has the names that a snippet supposes.
"""

from .blocks import REPO, Block, Page, read_block, read_page, read_pages
from .runs import Runner, describe
from .workplace import make_workplace

__all__ = ['REPO', 'Block', 'Page', 'Runner', 'describe', 'make_workplace', 'read_block', 'read_page', 'read_pages']
