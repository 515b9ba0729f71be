"""Finds the blocks of the pages, and what the comments above them say of their running."""

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
FOLDERS = ('configs', 'findings', 'mmtscam', 'tests', 'tools')
WEEKLY = 'run weekly: needs minutes'
REASONS = (
    r'needs data [\w-]+',
    r'needs a GPU',
    r'needs a network',
    r'needs a cluster',
    r'needs hours',
    r'a template',
)
LANGUAGES = ('bash', 'python')
# Nothing in these can run.
SHOWN = ('', 'bibtex')
_FENCE = re.compile(r'^(?:<!-- (?P<mark>.*) -->\n)?```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$', re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Path of the page in the repository.
        line: Line of its fence, from 1.
        language: Word after the fence.
        text: Content.
        mark: Comment directly above the fence.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str

    @property
    def place(self) -> str:
        """Page and line, as editors take them."""
        return f'{self.page}:{self.line}'

    @property
    def runners(self) -> list[str]:
        """Files that run it in place of the pages' test."""
        return self.mark.removeprefix('run by ').split(' and ') if self.mark.startswith('run by ') else []

    @property
    def weekly(self) -> bool:
        """Whether it runs in the weekly suite alone."""
        return self.mark == WEEKLY

    @property
    def reason(self) -> str:
        """Why nothing runs it, or an empty text."""
        return self.mark.removeprefix('not run: ') if self.mark.startswith('not run: ') else ''

    @property
    def name(self) -> str:
        """Name of the file that it shows, which its first line tells, or an empty text."""
        found = re.match(r'# (\w+\.py)\n', self.text) if self.language == 'python' else None
        return found[1] if found else ''

    def is_marked_right(self) -> bool:
        """Whether the mark is one of those that there are."""
        if self.reason:
            return any(re.fullmatch(reason, self.reason) for reason in REASONS)
        return self.weekly or not self.mark or bool(self.runners)


@dataclass(frozen=True)
class Page:
    """A page and its blocks of Bash and Python, in order."""

    path: str
    blocks: tuple[Block, ...]


def read_page(path: str) -> Page:
    """Find the blocks of a page.

    Args:
        path: The page's, in the repository.

    Returns:
        The page; blocks in which nothing can run are left out.

    Raises:
        ValueError: If a block is in another language than Bash or Python.
    """
    content = (REPO / path).read_text(encoding='utf-8')
    blocks = []
    for found in _FENCE.finditer(content):
        line = content.count('\n', 0, found.start('language')) + 1
        block = Block(path, line, found['language'], found['text'], found['mark'] or '')
        if block.language not in (*LANGUAGES, *SHOWN):
            raise ValueError(f'{block.place}: a block of {block.language!r}, which is none of {LANGUAGES}')
        if block.language in LANGUAGES:
            blocks.append(block)
    fences = len(re.findall(r'^ *```', content, re.MULTILINE))
    if fences != 2 * len(_FENCE.findall(content)):
        raise ValueError(f'{path}: {fences} fences, of which some do not begin at the line or are not closed')
    return Page(path, tuple(blocks))


def read_pages() -> list[Page]:
    """All pages of the repository with blocks, README.md first, since others go on from there."""
    files = [*REPO.glob('*.md'), *(file for folder in FOLDERS for file in (REPO / folder).rglob('*.md'))]
    paths = [file.relative_to(REPO) for file in files]
    shown = [str(path) for path in paths if not any(part.startswith('.') for part in path.parts)]
    pages = [read_page(path) for path in sorted(shown, key=lambda path: (path != 'README.md', path))]
    return [page for page in pages if page.blocks]


def read_block(page: str, containing: str) -> Block:
    """The one block of a page that contains a text: for tests that run it in a way of their own.

    Args:
        page: Path of the page in the repository.
        containing: Part of the block.

    Raises:
        ValueError: If the page has none or several.
    """
    found = [block for block in read_page(page).blocks if containing in block.text]
    if len(found) != 1:
        raise ValueError(f'{page}: {len(found)} blocks contain {containing!r}, not one')
    return found[0]
