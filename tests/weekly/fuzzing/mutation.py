"""Spoiling valid content: bytes, lines of text, JSON, members of zip files, and chunks of PNG files."""

import copy
import io
import json
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

Change = Callable[[random.Random, bytes], bytes]

# Stand-ins for what json.dumps cannot write.
_LONG, _DEEP = '@long', '@deep'
_NUMBERS = (
    '0', '-1', '1', '-0.5', '255', '65536', '2147483648', '-9223372036854775809', '9' * 30, '9' * 400, '9' * 5000,
    '1e308', '-1e308', '1e999', 'nan', 'inf', 'Infinity', '0x10', '1_000', '1e-320', '\u00b2', '\u0663', '',
)  # fmt: skip
_WORDS = (
    '../x', '/x', '..', '.', 'a b', 'a\x1b[31mb', '\0', '\r', '\n', '\t', ',', ';', '"', "'", '\\', '=1+1', '-',
    '<b>', '&amp;', '\ufeff', '\u2028', '\u202e', 'x' * 5000, '{', '[', ']', '}', ':', 'null', 'true', '#',
    '%s', '{}', '$x$',
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 10**400, 0.5, -0.5, 1e308, float('inf'), float('nan'), '',
    'a', '1', '../a', '/a', '..', 'a\n\x1b[31mb', '\ud800', '=1+1', [], {}, [[]], [None], [1, 2, 3, 4], ['a'], {'a': 1},
    _LONG, _DEEP,
)  # fmt: skip


def change_bytes(rng: random.Random, content: bytes) -> bytes:
    """Change, take out, put in, repeat or cut some bytes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        place, size = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0:
            changed[place : place + size] = rng.randbytes(size)
        elif kind == 1:
            del changed[place : place + size]
        elif kind == 2:
            changed[place:place] = rng.randbytes(size)
        elif kind == 3:
            changed[place : place + 4] = struct.pack('<I', rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)))
        elif kind == 4:
            other = rng.randrange(len(changed) + 1)
            changed[place:place] = changed[other : other + rng.choice((1, 8, 200))]
        elif rng.random() < 0.3:
            del changed[place:]
    return bytes(changed)


def change_text(rng: random.Random, content: bytes) -> bytes:
    """Change words and lines of a text; its bytes at times."""
    if rng.random() < 0.15:
        return change_bytes(rng, content)
    lines = content.decode('utf-8', 'replace').split('\n')
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind < 2:
            lines[place] = _change_words(rng, lines[place])
        elif kind == 2:
            lines.insert(place, rng.choice(lines))
        elif kind == 3:
            del lines[place]
        else:
            lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
        lines = lines or ['']
    return '\n'.join(lines).encode('utf-8', 'replace')


def _change_words(rng: random.Random, line: str) -> str:
    """Put a word or number in the place of a part of a line between two blanks, commas, brackets or quotes."""
    ends = [-1, *(place for place, letter in enumerate(line) if letter in ' ,<>"=:'), len(line)]
    index = rng.randrange(len(ends) - 1)
    new = rng.choice(rng.choice((_NUMBERS, _WORDS)))
    rest = line[ends[index] + 1 : ends[index + 1]] if rng.random() < 0.2 else ''
    return line[: ends[index] + 1] + rest + new + line[ends[index + 1] :]


def change_json(rng: random.Random, content: bytes) -> bytes:
    """Change values and keys of JSON; its text at times."""
    kind = rng.random()
    if kind < 0.1:
        return change_text(rng, content)
    if kind < 0.13:
        return _twice(rng, content)
    data = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        data = _change_value(rng, data)
    text = json.dumps(data).replace(f'"{_LONG}"', '9' * 5000)
    depth = rng.choice((10, 900, 100_000))
    return text.replace(f'"{_DEEP}"', '[' * depth + ']' * depth).encode()


def _twice(rng: random.Random, content: bytes) -> bytes:
    """Let an object have a key twice."""
    places = [place for place, byte in enumerate(content) if byte == ord('{')]
    keys = [key for key in content.split(b'"')[1::2] if key]
    if not places or not keys:
        return content
    place = rng.choice(places) + 1
    return content[:place] + b'"' + rng.choice(keys) + b'": null, ' + content[place:]


def _change_value(rng: random.Random, data: Any) -> Any:
    """Put an odd value somewhere, take a part out or repeat it."""
    if not isinstance(data, (dict, list)) or not data or rng.random() < 0.05:
        return copy.deepcopy(rng.choice(_VALUES))
    key = rng.choice(list(data)) if isinstance(data, dict) else rng.randrange(len(data))
    kind = rng.random()
    if kind < 0.6:
        data[key] = _change_value(rng, data[key])
    elif kind < 0.75:
        data[key] = copy.deepcopy(rng.choice(_VALUES))
    elif kind < 0.85:
        del data[key]
    elif isinstance(data, list):
        data.insert(key, copy.deepcopy(rng.choice(data)))
    else:
        data[rng.choice([*data, 'a', '../a', ''])] = copy.deepcopy(data[key])
    return data


def change_any(rng: random.Random, content: bytes) -> bytes:
    """Change content whose kind its first bytes tell."""
    change = {b'\x93': change_array, b'{': change_json, b'[': change_json}.get(content[:1], change_bytes)
    with suppress(Exception):  # what is spoilt already may not have the structure that is to be changed
        return change(rng, content)
    return change_bytes(rng, content)


def change_array(rng: random.Random, content: bytes) -> bytes:
    """Change the header of an array of NumPy, whose length stays right, or its bytes."""
    if rng.random() < 0.3:
        return change_bytes(rng, content)
    size = struct.unpack_from('<H', content, 8)[0]
    header, rest = content[10 : 10 + size].decode('latin-1'), content[10 + size :]
    kind = rng.random()
    if kind < 0.3:
        shape = rng.choice(
            ('()', '(0,)', '(-1,)', '(1,)', '(2, 2)', f'({2**40},)', f'({2**31}, {2**31})', '(1e3,)', "('a',)", '3')
        )
        start = header.index("'shape': ") + 9
        header = header[:start] + shape + header[header.index(')', start) + 1 :]
    elif kind < 0.6:
        start = header.index("'descr': ") + 9
        descr = rng.choice(
            (
                "'|O'",
                "'<f8'",
                "'<f2'",
                "'<c16'",
                "'|S9'",
                "'<U9'",
                "'<M8[s]'",
                "'|V0'",
                "'|b1'",
                "'>i4'",
                "[('a', '<f4')]",
                "'x'",
                '3',
            )
        )
        header = header[:start] + descr + header[header.index(',', start) :]
    elif kind < 0.7:
        header = header.replace('False', rng.choice(('True', 'None', '1')))
    else:
        header = change_text(rng, header.encode()).decode('latin-1')
    coded = header.encode('latin-1', 'replace')[:65535]
    return content[:8] + struct.pack('<H', len(coded)) + coded + rest


def change_zip(rng: random.Random, content: bytes) -> bytes:
    """Change members of a zip file, whose check sums stay right; the bytes of the file at times."""
    if rng.random() < 0.25:
        return change_bytes(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(info.filename, file.read(info)) for info in file.infolist()]
    for _ in range(rng.choice((1, 1, 2))):
        place = rng.randrange(len(members))
        name, inner = members[place]
        kind = rng.random()
        if kind < 0.75:
            members[place] = name, change_any(rng, inner)
        elif kind < 0.85:
            members[place] = change_text(rng, name.encode()).decode('utf-8', 'replace').replace('\0', '')[:1000], inner
        elif kind < 0.9:
            members.append((rng.choice(members)[0], inner))
        elif len(members) > 1:
            del members[place]
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, 'w') as file:
        warnings.simplefilter('ignore')  # of a name that is there twice
        for name, inner in members:
            file.writestr(zipfile.ZipInfo(name), inner, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return stream.getvalue()


def change_png(rng: random.Random, content: bytes) -> bytes:
    """Change chunks of a PNG file, whose check sums stay right; the bytes of the file at times."""
    if not content.startswith(b'\x89PNG') or rng.random() < 0.4:
        return change_bytes(rng, content)
    chunks, place = [], 8
    while place + 8 <= len(content):
        size = struct.unpack_from('>I', content, place)[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    index = rng.randrange(len(chunks))
    kind, data = chunks[index]
    if kind == b'IHDR' and rng.random() < 0.7:
        sides = struct.pack('>2I', *(rng.choice((0, 1, 7, 70_000, 1 << 20, (1 << 31) - 1)) for _ in range(2)))
        data = sides + data[8:]
    else:
        data = change_bytes(rng, data)
    chunks[index] = kind, data
    if rng.random() < 0.1:
        chunks.append(rng.choice(chunks))
    packed = (
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data)) for kind, data in chunks
    )
    return content[:8] + b''.join(packed)


def one_of(rng: random.Random, seeds: Sequence[bytes], change: Change) -> bytes:
    """Valid content, spoilt once, or now and then twice."""
    content = change(rng, rng.choice(seeds))
    if rng.random() < 0.2:
        # Structure that is spoilt already may not be found again.
        with suppress(Exception):
            return change(rng, content)
        return change_bytes(rng, content)
    return content
