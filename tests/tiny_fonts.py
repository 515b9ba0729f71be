"""Small fonts, made on the spot: tests do not depend on the fonts of a machine."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen


def make_font(path: Path, letters: str, name: str, truetype: bool = True) -> Path:
    """Write a font in which each letter is a black square, with TrueType's outlines or PostScript's."""
    glyphs = ['.notdef', *(f'u{ord(letter):X}' for letter in letters)]
    builder = FontBuilder(1000, isTTF=truetype)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(letter): glyph for letter, glyph in zip(letters, glyphs[1:], strict=True)})
    pens = [TTGlyphPen(None) if truetype else T2CharStringPen(1000, None) for _ in glyphs]
    for pen in pens[1:]:
        pen.moveTo((100, 0))
        for corner in ((100, 700), (900, 700), (900, 0)):
            pen.lineTo(corner)
        pen.closePath()
    if truetype:
        builder.setupGlyf({glyph: pen.glyph() for glyph, pen in zip(glyphs, pens, strict=True)})
    else:
        drawn = {glyph: pen.getCharString() for glyph, pen in zip(glyphs, pens, strict=True)}
        builder.setupCFF(name, {'FullName': name}, drawn, {})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable(dict(familyName=name, styleName='Regular', psName=name.replace(' ', '')))
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=880, usWinDescent=120)
    builder.setupPost()
    builder.save(path)
    return path
