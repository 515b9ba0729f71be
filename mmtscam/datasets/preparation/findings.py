"""Findings of a check, and the small checks of files from which they are made."""

import os.path as osp
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from mmtscam.utils.image_decoding import decode_image, is_deep, is_turned, open_image
from mmtscam.utils.printable import printable

T = TypeVar('T')


class Track(Protocol):
    """Shows the progress of a loop."""

    def __call__(self, items: Sequence[T], description: str) -> Iterable[T]:
        """Return the items, one after another."""


def no_progress(items: Sequence[T], description: str) -> Iterable[T]:
    """Show nothing."""
    return items


@dataclass
class Findings:
    """Findings about a data set.

    Attributes:
        expected: Expected numbers, by what is counted.
        counts: Numbers that were found, by what is counted.
        problems: Sentences on what is missing or wrong.
        notes: Sentences on what may surprise but is no error.
    """

    expected: Mapping[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def complain(self, what: str, names: Iterable[object], advice: str = '') -> None:
        """Add a problem, unless no name has it.

        Args:
            what: The problem, e.g. ``listed images are missing``.
            names: Names of the images, files or rows that have the problem.
            advice: Advice on how to mend it.
        """
        self._tell(self.problems, what, names, advice)

    def remark(self, what: str, names: Iterable[object], advice: str = '') -> None:
        """Add a note, unless there is nothing to note; see :meth:`complain`."""
        self._tell(self.notes, what, names, advice)

    @staticmethod
    def _tell(sentences: list[str], what: str, names: Iterable[object], advice: str) -> None:
        if names := list(map(str, names)):
            sentences.append(f'{len(names):,} {what}: {shorten(names)}' + (f'; {advice}' if advice else ''))

    @property
    def counts_differ(self) -> bool:
        """Whether a number is not the expected one."""
        return any(self.counts.get(what) != number for what, number in self.expected.items())

    def passes(self, allow_subset: bool = False) -> bool:
        """Whether the data set can be used.

        Args:
            allow_subset: Whether numbers may differ.
        """
        return not self.problems and (allow_subset or not self.counts_differ)

    def text(self) -> str:
        """All findings, one line each."""
        lines = []
        for what, found in self.counts.items():
            expected = self.expected.get(what, found)
            lines.append(f'{what}: {found:,}' + (f' (should be {expected:,})' if expected != found else ''))
        lines += [f'note: {note}' for note in self.notes]
        lines += [f'problem: {problem}' for problem in self.problems]
        return '\n'.join(map(printable, lines))


def shorten(names: Sequence[str], shown: int = 5) -> str:
    """The first few of many names.

    Args:
        names: Names in their order.
        shown: How many to show at most.

    Returns:
        The names, comma separated, with dots where some are left out.

    >>> shorten(['a', 'b', 'c'], shown=2)
    'a, b, ...'
    """
    return ', '.join(names[:shown]) + (', ...' if len(names) > shown else '')


def missing_files(root: str, names: Sequence[str], track: Track, description: str) -> list[str]:
    """Find files that are missing.

    Args:
        root: Folder to which the names are relative.
        names: Paths of files.
        track: Shows the progress.
        description: Description of the files, for the progress.

    Returns:
        The names at which there is no file.
    """
    return [name for name in track(names, description) if not osp.isfile(osp.join(root, name))]


def check_images(findings: Findings, subject: str, root: str, names: Sequence[str], track: Track) -> None:
    """Decode images as training does: complain of those that cannot be shown, remark what is read in a way of its own.

    Args:
        findings: Takes the sentences.
        subject: Name of the images in them.
        root: Folder to which the names are relative.
        names: Paths of image files.
        track: Shows the progress.
    """
    unreadable, deep, turned = [], [], []
    for name in track(names, 'decoding images'):
        try:
            content = Path(root, name).read_bytes()
            with open_image(content) as image:
                deep += [name] * is_deep(image)
                turned += [name] * is_turned(image)
            decode_image(content, upright=True)
        except Exception as error:  # Pillow's decoders raise what they like
            reason = str(error).partition(' <_io')[0]
            unreadable.append(f'{name} ({reason})')
    findings.complain(f'{subject} cannot be read', unreadable)
    findings.remark(
        f'{subject} have 16 bits a grey value or colour',
        deep,
        'their largest value says how many of 8 to 16 bits count, and 8 are kept: save them with 8 to choose yourself',
    )
    findings.remark(
        f'{subject} are to be turned by their EXIF orientation',
        turned,
        'training and tests see them as they lie, inferencer and pseudo labels upright: turn the files themselves',
    )


def require_folder(path: str, advice: str) -> str:
    """Check that a folder exists.

    Args:
        path: The path.
        advice: Advice for the message if there is no such folder.

    Returns:
        The path.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not osp.isdir(path):
        raise FileNotFoundError(f'{path}: folder not found; {advice}')
    return path
