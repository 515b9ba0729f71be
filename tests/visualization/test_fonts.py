import logging

import pytest
from matplotlib.font_manager import fontManager
from mmengine.logging import MMLogger
from tiny_fonts import make_font

from mmtscam.visualization.fonts import DEFAULT_FONT, find_font, fonts_for, split_by_font

TERN = '燕鸥'  # Chinese, which matplotlib's own fonts lack


@pytest.fixture
def log(bare_fonts):
    """The lines of the log."""
    logger = MMLogger.get_current_instance()
    lines = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def _names(text, font=None):
    return [(run, entry.name) for run, entry in split_by_font(text, font)]


def test_letters_come_from_the_first_font_that_has_them(bare_fonts, log):
    make_font(bare_fonts / 'a.ttf', TERN, 'Tiny Sans')
    chosen = make_font(bare_fonts.parent / 'mine.ttf', 'AB' + TERN[0], 'Mine')
    assert _names('Tern Крачка') == [('Tern Крачка', 'DejaVu Sans')]
    assert _names(f'A {TERN}!') == [('A ', 'DejaVu Sans'), (TERN, 'Tiny Sans'), ('!', 'DejaVu Sans')]
    assert _names(f'A {TERN}', str(chosen)) == [
        ('A', 'Mine'), (' ', 'DejaVu Sans'), (TERN[0], 'Mine'), (TERN[1], 'Tiny Sans')
    ]  # fmt: skip
    assert _names('') == []
    assert log == []


def test_a_mark_stays_with_its_letter(bare_fonts):
    make_font(bare_fonts / 'a.ttf', TERN, 'Tiny Sans')
    assert _names(f'{TERN}\N{COMBINING ACUTE ACCENT}')[0] == (f'{TERN}\N{COMBINING ACUTE ACCENT}', 'Tiny Sans')


def test_only_the_fonts_that_are_needed(bare_fonts):
    make_font(bare_fonts / 'a.ttf', TERN, 'Tiny Sans')
    make_font(bare_fonts / 'b.ttf', 'ก', 'Tiny Thai')
    assert [entry.name for entry in fonts_for('Tern')] == ['DejaVu Sans']
    assert [entry.name for entry in fonts_for(f'Tern\n{TERN}')] == ['DejaVu Sans', 'Tiny Sans']


def test_the_log_names_what_is_missing_once_for_a_script(bare_fonts, log):
    for text in (f'Tern {TERN}', TERN, f'{TERN}\N{ZERO WIDTH SPACE}\n', 'กา'):
        assert {entry for _, entry in split_by_font(text)} == {DEFAULT_FONT}
    assert [line.partition(':')[0] for line in log] == [
        f"no font has '燕' (U+71D5) of 'Tern {TERN}', and an empty box stands for it",
        "no font has 'ก' (U+0E01) of 'กา', and an empty box stands for it",
    ]
    assert all('install a font of its script' in line and '--font' in line for line in log)


def test_the_log_quotes_a_line_of_a_figure(log):
    fonts_for(f'image\n{TERN} 0.93\nbox')
    assert [f"of '{TERN} 0.93', and" in line for line in log] == [True]


def test_a_font_by_name_or_file(bare_fonts, tmp_path, monkeypatch):
    make_font(bare_fonts / 'a.ttf', 'A', 'Tiny Sans')  # installed after matplotlib was first used
    for name in ('Tiny Sans', 'tinysans', 'tiny-sans'):
        assert find_font(name).fname == str(bare_fonts / 'a.ttf')
    assert find_font(str(make_font(tmp_path / 'b.ttf', 'B', 'Mine'))).name == 'Mine'
    monkeypatch.chdir(tmp_path)
    assert find_font('b.ttf').fname == str(tmp_path / 'b.ttf')
    # The regular face of a family.
    assert find_font('dejavu sans').fname.endswith('DejaVuSans.ttf')


def test_fonts_that_are_none(bare_fonts, tmp_path):
    make_font(bare_fonts / 'a.ttf', 'A', 'Tiny Sans')
    (bare_fonts / 'torn.ttf').write_bytes(b'torn')
    for font, message in (
        (
            'Tiny Sanz',
            "font 'Tiny Sanz': neither a font file nor the name of an installed font; did you mean Tiny Sans",
        ),
        ('none.ttf', "font 'none.ttf': no such file"),
        (str(bare_fonts / 'torn.ttf'), "torn.ttf': cannot be read as a scalable font"),
        ('', "font '': neither a font file"),
    ):
        with pytest.raises(ValueError, match=message):
            find_font(font)


def test_a_file_that_is_gone_is_no_reason_to_fail(bare_fonts):
    """A list of fonts that is older than the machine's."""
    fontManager.addfont(make_font(bare_fonts / 'a.ttf', TERN, 'Tiny Sans'))
    (bare_fonts / 'a.ttf').unlink()
    assert _names(TERN) == [(TERN, 'DejaVu Sans')]
