"""Where the members of each image lie in a file of maps."""

from collections.abc import Iterable, Iterator

import numpy as np

from .zip_members import Member

FORMAT = 'mmtscam maps 2'
# The member that says what the file holds. The names of all others begin with an image's number, in eight digits.
INDEX = 'maps.json'
_DIGITS = 8
# A member's image, the rest of its name by number, and the fields of Member.
_ROW = np.dtype('u4, u2, u2, u4, u4, u4, u8')
_ROW.names = ('image', 'rest', *Member._fields[1:])
# No model has as many kinds of map.
_MOST_RESTS = 1000


class MapIndex:
    """The members of each image, in 28 bytes each.

    Args:
        members: Members of a file of maps.

    Attributes:
        head: The member :data:`INDEX`, ``None`` where there is none.
        problem: Why this is no file of maps, ``None`` where it may be one.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self.head: Member | None = None
        self.problem: str | None = None
        self._rests: dict[str, int] = {}
        self._rows = np.fromiter(self._number(members), _ROW)
        images = self._rows['image']
        if (images[1:] < images[:-1]).any():
            self._rows = self._rows[np.argsort(images, kind='stable')]
            images = self._rows['image']
        self._images, starts = np.unique(images, return_index=True)
        self._ends = np.append(starts[1:], len(images))
        self.problem = self.problem or self._doubled()

    def _number(self, members: Iterable[Member]) -> Iterator[tuple[int, ...]]:
        for member in members:
            key, rest = member.name[:_DIGITS], member.name[_DIGITS:]
            number = self._rests.get(rest, len(self._rests))
            if len(key) == _DIGITS and key.isascii() and key.isdecimal() and number < _MOST_RESTS:
                self._rests[rest] = number
                yield (int(key), number, *member[1:])
            elif member.name != INDEX:
                self.problem = self.problem or f'{member.name} is no part of a file of maps'
            elif self.head is not None:
                self.problem = self.problem or f'{INDEX} is there twice'
            else:
                self.head = member

    def _doubled(self) -> str | None:
        names = self._rows['image'].astype(np.int64) * _MOST_RESTS + self._rows['rest']
        names.sort()
        doubled = names[1:][names[1:] == names[:-1]]
        if not len(doubled):
            return None
        image, rest = divmod(int(doubled[0]), _MOST_RESTS)
        return f'{image:0{_DIGITS}d}{list(self._rests)[rest]} is there twice'

    def images_with(self, rest: str) -> np.ndarray:
        """The images that have a member.

        Args:
            rest: The member's name after the image's number.

        Returns:
            (N,) ``uint32`` numbers in order.
        """
        return self._rows['image'][self._rows['rest'] == self._rests.get(rest, _MOST_RESTS)]

    def members(self, image: int) -> dict[str, Member]:
        """The members of an image.

        Args:
            image: Its number.

        Returns:
            The members in the file's order, by their names after the number;
            none where the file does not have the image.
        """
        place = int(np.searchsorted(self._images, image))
        if place == len(self._images) or self._images[place] != image:
            return {}
        rests = list(self._rests)
        start = self._ends[place - 1] if place else 0
        return {
            rests[rest]: Member(f'{image:0{_DIGITS}d}{rests[rest]}', *where)
            for _, rest, *where in self._rows[start : self._ends[place]].tolist()
        }
