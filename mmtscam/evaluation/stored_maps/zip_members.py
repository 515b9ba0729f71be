"""Reading and writing zip files of very many members.

:class:`zipfile.ZipFile` keeps an object of half a kilobyte for each member as
long as a file is open. A file of maps of 50,000 images has some hundred
thousand members. Here a reader gets them one after another, and a writer
leaves what it must know of them on the disk.

Format: APPNOTE.TXT of PKWARE, sections 4.3 to 4.5, with the 64-bit fields that
many members and large files need.
"""

import io
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile

_LOCAL = struct.Struct('<4s5H3L2H')
_ENTRY = struct.Struct('<4s6H3L5H2L')
_END = struct.Struct('<4s4H2LH')
_END64 = struct.Struct('<4sQ2H2L4Q')
_LOCATOR = struct.Struct('<4sLQL')
_ENCRYPTED, _UTF8 = 1, 1 << 11
_NEEDS_64 = 0xFFFFFFFF
# zipfile writes 64-bit fields from here on, so that readers with signed numbers manage.
_LIMIT, _MOST_ENTRIES = (1 << 31) - 1, (1 << 16) - 1
_UNIX, _READ_WRITE = 3 << 8, 0o600 << 16
# A mask of the largest image that is read has fewer bytes.
MOST_BYTES = 1 << 28
_FIRST_DAY = 1 << 5 | 1  # of 1980: without the time of writing, the same content is the same file


class Member(NamedTuple):
    """A member of a zip file.

    Attributes:
        name: Its name.
        method: How it is packed.
        crc: Check sum of its content.
        packed: Bytes in the file.
        size: Bytes of its content.
        offset: Place of its header in the file.
    """

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def read_members(file: BinaryIO) -> Iterator[Member]:
    """Go through the members of a zip file without keeping any.

    Args:
        file: The file, which is read from nowhere else meanwhile.

    Yields:
        The members in the order of the file's directory. None has 4 GiB or
        more.

    Raises:
        BadZipFile: If it is no zip file, or a member is not as it must be.
    """
    start, end, count = _find_directory(file)
    file.seek(start)
    for _ in range(count):
        head = _ENTRY.unpack(_read(file, _ENTRY.size))
        signature, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment_size = head[:13]
        if signature != b'PK\1\2':
            raise BadZipFile('its list of members is damaged')
        name = _decode(_read(file, name_size), flags)
        extra = _read(file, extra_size)
        file.seek(comment_size, os.SEEK_CUR)
        if flags & _ENCRYPTED or method not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadZipFile(f'{name} is encrypted, or packed by another method than deflate')
        if _NEEDS_64 in (packed, size):
            raise BadZipFile(f'{name} is too large')
        offset = head[-1] if head[-1] != _NEEDS_64 else _offset_64(extra, name)
        if offset + _LOCAL.size + packed > start:
            raise BadZipFile(f'{name} does not lie in the file')
        yield Member(name, method, crc, packed, size, offset)
    if file.tell() != end:
        raise BadZipFile('its list of members is damaged')


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Start and end of the directory, and the number of its entries."""
    length = file.seek(0, os.SEEK_END)
    # A comment of at most 64 KiB may follow.
    first = max(length - _END.size - (1 << 16), 0)
    file.seek(first)
    tail = file.read()
    place = tail.rfind(b'PK\5\6')
    if place < 0 or place + _END.size > len(tail):
        raise BadZipFile('it is no zip file, or its end is missing')
    *_, count, size, start, _ = _END.unpack_from(tail, place)
    end = first + place
    if place >= _LOCATOR.size and tail.startswith(b'PK\6\7', place - _LOCATOR.size):
        _, _, end, _ = _LOCATOR.unpack_from(tail, place - _LOCATOR.size)
        if end + _END64.size > length:
            raise BadZipFile('its end is damaged')
        file.seek(end)
        signature, *_, count, size, start = _END64.unpack(_read(file, _END64.size))
        if signature != b'PK\6\6':
            raise BadZipFile('its end is damaged')
    if start + size != end or count * _ENTRY.size > size:
        raise BadZipFile('its list of members is damaged')
    return start, end, count


def _offset_64(extra: bytes, name: str) -> int:
    """The place of a member's header that has no room in its 32 bits."""
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from('<2H', extra, place)
        if kind == 1 and size == 8 and place + 12 <= len(extra):
            return struct.unpack_from('<Q', extra, place + 4)[0]
        place += 4 + size
    raise BadZipFile(f'the place of {name} is missing')


def _decode(name: bytes, flags: int) -> str:
    try:
        return name.decode('utf-8' if flags & _UTF8 else 'cp437')
    except UnicodeDecodeError as error:
        raise BadZipFile(f'the name {name!r} of a member cannot be read') from error


def _read(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise BadZipFile('it is cut off')
    return content


def read_packed(file: BinaryIO, member: Member) -> bytes:
    """Read a member as it is packed.

    Args:
        file: The file.
        member: A member from :func:`read_members`.

    Returns:
        ``member.packed`` bytes.

    Raises:
        BadZipFile: If the member is not where it should be.
    """
    file.seek(member.offset)
    signature, _, flags, *_, name_size, extra_size = _LOCAL.unpack(_read(file, _LOCAL.size))
    if signature != b'PK\3\4' or _decode(_read(file, name_size), flags) != member.name:
        raise BadZipFile(f'{member.name} is not where it should be')
    file.seek(extra_size, os.SEEK_CUR)
    return _read(file, member.packed)


def read_content(file: BinaryIO, member: Member, most: int = MOST_BYTES) -> bytes:
    """Read and unpack a member of limited size: a few bytes may be packed from a thousand times as many.

    Args:
        file: The file.
        member: A member from :func:`read_members`.
        most: Bytes that it may have.

    Returns:
        Its content.

    Raises:
        BadZipFile: If it is larger, or cannot be read.
    """
    if member.size > most:
        raise BadZipFile(f'{member.name} says to have {member.size} bytes, and may have {most}')
    return unpack(member, read_packed(file, member))


def unpack(member: Member, packed: bytes) -> bytes:
    """Unpack a member.

    Args:
        member: The member.
        packed: Its bytes from :func:`read_packed`.

    Returns:
        Its content, ``member.size`` bytes.

    Raises:
        BadZipFile: If it has another size or check sum than it should, or
            cannot be unpacked.
    """
    if member.method == ZIP_STORED:
        content, whole = packed, True
    else:
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than it should have shows that there are too many, whatever it would grow to.
            content = unpacking.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise BadZipFile(f'{member.name} cannot be unpacked: {error}') from error
        whole = unpacking.eof
    if not whole or len(content) != member.size or zlib.crc32(content) != member.crc:
        raise BadZipFile(f'{member.name} is damaged: it has another size or check sum than it should')
    return content


class ZipWriter:
    """Writes a zip file, with the same bytes as :mod:`zipfile` for members without a time.

    Args:
        path: The file; it is replaced. A temporary file beside it, without a
            name where the system allows that, holds the directory until the
            end.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._directory: BinaryIO = tempfile.TemporaryFile(dir=Path(path).parent)  # noqa: SIM115 - closed in close
        try:
            self._file: BinaryIO = Path(path).open('wb')  # noqa: SIM115
        except BaseException:
            self._directory.close()
            raise
        self._count = 0

    def add(self, name: str, content: bytes) -> None:
        """Pack and write a member."""
        packing = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packing.compress(content) + packing.flush()
        self.add_packed(Member(name, ZIP_DEFLATED, zlib.crc32(content), len(packed), len(content), 0), packed)

    def add_packed(self, member: Member, packed: bytes) -> None:
        """Write a member that is packed; its place in another file does not matter."""
        name = member.name.encode()
        offset = self._file.tell()
        extra = struct.pack('<2HQ', 1, 8, offset) if offset > _LIMIT else b''
        shared = (0 if name.isascii() else _UTF8, member.method, 0, _FIRST_DAY, *member[2:5], len(name))
        version = 45 if extra else 20
        entry = (_UNIX | version, version, *shared, len(extra), 0, 0, 0, _READ_WRITE, _NEEDS_64 if extra else offset)
        self._file.write(_LOCAL.pack(b'PK\3\4', 20, *shared, 0) + name + packed)
        self._directory.write(_ENTRY.pack(b'PK\1\2', *entry) + name + extra)
        self._count += 1

    def close(self) -> None:
        """Finish the file."""
        with self._file as file, self._directory as directory:
            start, size, count = file.tell(), directory.tell(), self._count
            directory.seek(0)
            shutil.copyfileobj(directory, file, io.DEFAULT_BUFFER_SIZE)
            if count > _MOST_ENTRIES or start > _LIMIT or size > _LIMIT:
                file.write(_END64.pack(b'PK\6\6', _END64.size - 12, 45, 45, 0, 0, count, count, size, start))
                file.write(_LOCATOR.pack(b'PK\6\7', 0, start + size, 1))
            few = min(count, _MOST_ENTRIES)
            file.write(_END.pack(b'PK\5\6', 0, 0, few, few, min(size, _NEEDS_64), min(start, _NEEDS_64), 0))

    def abandon(self) -> None:
        """Let go of the file, which is of no use then: what has not reached the disk is lost."""
        for file in (self._file, self._directory):
            with suppress(OSError):  # of a full disk, once more
                file.close()

    def __enter__(self) -> 'ZipWriter':
        """Return this writer, which is closed at the end, or abandoned after an error."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file."""
        if kind is None:
            self.close()
        else:
            self.abandon()
