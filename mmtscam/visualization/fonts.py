"""Fonts for names in any script: the chosen one first, then DejaVu Sans, then any that is installed."""

import difflib
import logging
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontEntry, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from mmengine.logging import print_log

# It comes with matplotlib, and has Latin, Greek, Cyrillic, Hebrew, Arabic and many signs.
DEFAULT_FONT = FontEntry(
    fname=str(Path(matplotlib.get_data_path(), 'fonts', 'ttf', 'DejaVuSans.ttf')), name='DejaVu Sans'
)
# Chinese, Japanese and Korean share letters, which fonts of one look write alike.
_FIRST = (
    'Noto Sans CJK SC',
    'Noto Sans CJK JP',
    'Noto Sans CJK KR',
    'Source Han Sans SC',
    'WenQuanYi Zen Hei',
    'PingFang SC',
    'Hiragino Sans',
    'Microsoft YaHei',
)
_FONT_FILES = ('.ttf', '.otf', '.ttc', '.otc')
# Marks and signs of format belong to the letter before them.
_JOINED = ('Mn', 'Mc', 'Me', 'Cf')
_REPORTED: set[str] = set()  # scripts, by the first word of their letters' names


def find_font(font: str) -> FontEntry:
    """Find a font.

    Args:
        font: Path of a font file, or the name of an installed font, in any
            case and with blanks or without: ``'Noto Sans CJK SC'``,
            ``'notosanscjksc'``.

    Returns:
        The font, which matplotlib knows from now on.

    Raises:
        ValueError: If there is no such font, or the file is none; names the
            nearest.
    """
    path = Path(font)
    if path.suffix.lower() in _FONT_FILES or path.is_file():
        return _font_of_file(path)
    named = [entry for entry in _installed() if _comparable(entry.name) == _comparable(font)]
    if not named:
        near = difflib.get_close_matches(font, sorted({entry.name for entry in _installed()}), n=3, cutoff=0.4)
        hint = f'; did you mean {" or ".join(near)}?' if near else ''
        raise ValueError(f'font {font!r}: neither a font file nor the name of an installed font{hint}')
    return min(named, key=_distance_to_regular)


def split_by_font(text: str, font: str | None = None) -> Iterator[tuple[str, FontEntry]]:
    """Split a line into runs of letters that one font has.

    A letter that no font has stands in the run before it, or in a run of the
    first font, which writes an empty box. The log says so, once for a script.

    Args:
        text: The line.
        font: The font to prefer; see :func:`find_font`.

    Yields:
        The runs with their fonts, in the order of the line.
    """
    first = (DEFAULT_FONT,) if font is None else (_found(font), DEFAULT_FONT)
    fonts: list[FontEntry] = []
    for letter in text:
        joined = fonts and unicodedata.category(letter) in _JOINED
        found = fonts[-1] if joined else next((entry for entry in first if _has(entry, letter)), None)
        found = found or _fallback(letter)
        if found is None and letter.isprintable():
            _report(letter, text)
        fonts.append(found or (fonts[-1] if fonts else first[0]))
    for entry, run in groupby(zip(text, fonts, strict=True), key=lambda pair: pair[1]):
        yield ''.join(letter for letter, _ in run), entry


def fonts_for(text: str, font: str | None = None) -> list[FontEntry]:
    """Fonts that a text needs, for matplotlib, which takes each letter from the first that has it.

    Args:
        text: All text of a figure.
        font: The font to prefer; see :func:`find_font`.

    Returns:
        The preferred font, DejaVu Sans, and others only where they are needed.
    """
    first = [DEFAULT_FONT] if font is None else [_found(font), DEFAULT_FONT]
    found = [entry for line in text.splitlines() for _, entry in split_by_font(line, font)]
    return list(dict.fromkeys(first + found))


def has_truetype_outlines(entry: FontEntry) -> bool:
    """Whether the outlines of a font are TrueType's, not PostScript's (CFF)."""
    table = _face(entry).get_sfnt_table('maxp')
    return table is not None and table['version'][0] >= 1


_found = cache(find_font)


def _font_of_file(path: Path) -> FontEntry:
    if not path.is_file():
        raise ValueError(f'font {str(path)!r}: no such file')
    file = str(path.absolute())
    if not any(entry.fname == file for entry in fontManager.ttflist):
        try:
            fontManager.addfont(file)
        except (OSError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f'font {str(path)!r}: cannot be read as a scalable font: {error}') from error
    return next(entry for entry in fontManager.ttflist if entry.fname == file)


@cache
def _installed() -> list[FontEntry]:
    """All fonts, those first that suit captions best.

    Matplotlib remembers the fonts that were there when it was first used:
    those that were installed since are added, those that are gone left out.
    """
    for file in sorted(set(findSystemFonts()) - {entry.fname for entry in fontManager.ttflist}):
        try:
            fontManager.addfont(file)
        except (OSError, RuntimeError, NotImplementedError):
            continue  # such as one of coloured bitmaps
    # The last resort has a box for every letter.
    entries = [entry for entry in fontManager.ttflist if not entry.name.startswith('Last Resort')]
    return sorted((entry for entry in entries if Path(entry.fname).is_file()), key=_suitability)


def _suitability(entry: FontEntry) -> tuple:
    place = _FIRST.index(entry.name) if entry.name in _FIRST else len(_FIRST)
    return place, _distance_to_regular(entry), 'Sans' not in entry.name, entry.name


def _distance_to_regular(entry: FontEntry) -> int:
    return (entry.style != 'normal') + (entry.stretch != 'normal') + (entry.weight != 400)


def _comparable(name: str) -> str:
    return ''.join(filter(str.isalnum, name.casefold()))


@cache
def _fallback(letter: str) -> FontEntry | None:
    return next((entry for entry in _installed() if _has(entry, letter)), None)


def _has(entry: FontEntry, letter: str) -> bool:
    return bool(_face(entry).get_char_index(ord(letter)))


@lru_cache(32)  # each holds its file open
def _face(entry: FontEntry) -> FT2Font:
    index = face_index(entry)
    return FT2Font(entry.fname, face_index=index) if index else FT2Font(entry.fname)


def face_index(entry: FontEntry) -> int:
    """Place of a font in its file; matplotlib before 3.11 knows only the first of a collection."""
    return getattr(entry, 'index', 0)


def _report(letter: str, text: str) -> None:
    script = unicodedata.name(letter, '').partition(' ')[0]
    if script in _REPORTED:
        return
    _REPORTED.add(script)
    print_log(
        f'no font has {letter!r} (U+{ord(letter):04X}) of {text!r}, and an empty box stands for it: install a font of '
        'its script, such as one of the Noto family, or name one, as font of the visualizer or with --font',
        logger='current',
        level=logging.WARNING,
    )
