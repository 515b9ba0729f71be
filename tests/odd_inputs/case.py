"""A case, and the ground on which cases stand."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RIGHT, REFUSED, EITHER = 'right', 'refused', 'right or refused'


@dataclass
class Case:
    """One command with one odd input.

    Attributes:
        kind: Kind of the input, a row of the table.
        name: Name of the case.
        words: Tool and arguments.
        end: ``RIGHT``: it must end with 0; ``REFUSED``: with one line;
            ``EITHER``.
        names: The line must name one of them at least.
        made: File or folder that must not be there after a refusal.
    """

    kind: str
    name: str
    words: list[str]
    end: str
    names: tuple[str, ...] = ()
    made: Path | None = None


@dataclass
class Ground:
    """Where the inputs are written, and what is sound.

    Attributes:
        root: An empty folder.
        config: File of the tiny config.
        checkpoint: Weights for it.
        data: The sample set that the config reads.
        draw: Chooses what is spoilt.
    """

    root: Path
    config: Path
    checkpoint: Path
    data: Path
    draw: random.Random

    @property
    def photo(self) -> Path:
        """A sound image."""
        return min((self.data / 'images').rglob('*.jpg'))

    def place(self, name: str, content: bytes | str) -> Path:
        """Write a file; blanks in its name become hyphens."""
        path = self.root / name.replace(' ', '-')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def folder(self, name: str) -> Path:
        """A new folder for what a command writes."""
        return self.root / 'out' / ''.join(letter if letter.isalnum() else '-' for letter in name)

    def spoilt(self, content: bytes) -> Iterator[tuple[str, bytes]]:
        """A file cut short, empty, of another kind, and with bytes changed."""
        yield 'cut', content[: self.draw.randrange(1, len(content) - 1)]
        yield 'empty', b''
        yield 'text', b'this is no such file\n'
        changed = bytearray(content)
        for _ in range(max(1, len(changed) // 200)):
            changed[self.draw.randrange(len(changed))] = self.draw.randrange(256)
        yield 'bytes changed', bytes(changed)
