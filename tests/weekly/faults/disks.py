"""File systems that are too small or cannot be written to; only root may mount them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ROOMY = 256 << 10  # KiB


class Disk:
    """A small disk in memory.

    Args:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, kilobytes: int = _ROOMY) -> None:
        """Give it another size; not less than what is used."""
        _mount('-o', f'remount,rw,size={kilobytes}k', self.folder)

    def forbid(self) -> None:
        """Refuse all changes from now on, of root too."""
        _mount('-o', 'remount,ro', self.folder)

    def used(self) -> int:
        """Kilobytes of its files."""
        return int(subprocess.check_output(['df', '--output=used', '-k', self.folder], text=True).split()[-1])


@contextmanager
def disk(folder: Path, kilobytes: int = _ROOMY) -> Iterator[Disk]:
    """Mount a disk; without the right to do so, the test is skipped."""
    folder.mkdir()
    try:
        _mount('-t', 'tmpfs', '-o', f'size={kilobytes}k', 'tmpfs', folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f'cannot mount a small disk, which root may do: {error}')
    try:
        yield Disk(folder)
    finally:
        subprocess.run(['umount', '--lazy', folder], check=True)


def _mount(*words: object) -> None:
    subprocess.run(['mount', *map(str, words)], check=True, capture_output=True)
