import re
import xml.etree.ElementTree as ElementTree
import zlib

import cv2
import matplotlib
import numpy as np
import pytest
from tiny_fonts import make_font

from mmtscam.visualization import fonts
from mmtscam.visualization.figures import Panel, plot_comparison, save_figure

IMAGE = np.full((30, 50, 3), 100, np.uint8)


@pytest.fixture
def figure():
    return plot_comparison([[Panel(IMAGE, np.arange(6.0).reshape(2, 3), caption='Möwe')]], ['TS-CAM'])


def test_png(figure, tmp_path):
    save_figure(figure, tmp_path / 'new' / 'a.PNG', dpi=50)
    picture = cv2.imread(str(tmp_path / 'new' / 'a.PNG'))
    assert picture.shape[:2] == tuple(int(side) for side in (figure.get_size_inches() * 50)[::-1])
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.PNG']


def test_text_in_svg_stays_text(figure, tmp_path):
    save_figure(figure, tmp_path / 'a.svg')
    root = ElementTree.parse(tmp_path / 'a.svg').getroot()
    texts = [''.join(element.itertext()).strip() for element in root.iter('{http://www.w3.org/2000/svg}text')]
    assert {'TS-CAM', 'Möwe'} <= set(texts)


def test_text_in_pdf_stays_text(figure, tmp_path):
    save_figure(figure, tmp_path / 'a.pdf')
    content = (tmp_path / 'a.pdf').read_bytes()
    assert content.startswith(b'%PDF-') and content.rstrip().endswith(b'%%EOF')
    # TrueType with a way back from glyphs to letters, not Type 3, which are drawings.
    assert b'/FontFile2' in content and b'/ToUnicode' in content and b'/Type3' not in content
    streams = [zlib.decompress(part) for part in re.findall(rb'FlateDecode.*?stream\r?\n(.*?)endstream', content, re.S)]
    letters = [b''.join(re.findall(rb'\((.*?)\)', stream)).replace(b'\0', b'') for stream in streams if b'BT' in stream]
    assert any(b'TS-CAM' in text for text in letters)


@pytest.mark.parametrize('ending', ['.png', '.svg', '.pdf'])
def test_the_same_figure_is_the_same_file(figure, tmp_path, ending):
    for name in ('a', 'b'):
        save_figure(figure, tmp_path / f'{name}{ending}', dpi=50)
    assert (tmp_path / f'a{ending}').read_bytes() == (tmp_path / f'b{ending}').read_bytes()


@pytest.mark.parametrize('truetype', [True, False])
def test_names_in_any_script(bare_fonts, tmp_path, capfd, truetype):
    """They are text in a PDF too, which holds outlines as its kind of font has them."""
    make_font(bare_fonts / 'a.ttf', '燕鸥', 'Tiny Sans', truetype)
    figure = plot_comparison([[Panel(IMAGE, caption='燕鸥 0.93')]], ['燕鸥'])
    for ending in ('png', 'svg', 'pdf'):
        save_figure(figure, tmp_path / f'a.{ending}', dpi=100)
    picture = cv2.imread(str(tmp_path / 'a.png'))[..., 0]
    title = picture[: picture.shape[0] // 10]
    assert (title < 50).sum() > 100  # squares of 8 points, not the outlines of empty boxes
    assert "'DejaVu Sans', 'Tiny Sans'" in (tmp_path / 'a.svg').read_text()
    content = (tmp_path / 'a.pdf').read_bytes()
    assert b'TinySans' in content and (b'/FontFile2' in content) == truetype == (b'/Type3' not in content)
    assert 'missing' not in ''.join(capfd.readouterr())


def test_a_letter_that_no_font_has(bare_fonts, tmp_path, recwarn):
    figure = plot_comparison([[Panel(IMAGE, caption='燕鸥')]], ['TS-CAM'])
    save_figure(figure, tmp_path / 'a.png')
    assert list(fonts._REPORTED) == ['CJK']
    assert not [warning for warning in recwarn if 'Glyph' in str(warning.message)]  # said once, by the log


def test_the_font_that_is_asked_for(figure, bare_fonts, tmp_path):
    save_figure(figure, tmp_path / 'a.svg', font=str(make_font(tmp_path / 'mine.ttf', 'TSCAM', 'Mine')))
    assert "font-family: 'Mine', 'DejaVu Sans'" in (tmp_path / 'a.svg').read_text()


def test_settings_of_others_stay(figure, tmp_path):
    before = dict(matplotlib.rcParams)
    save_figure(figure, tmp_path / 'a.svg')
    assert dict(matplotlib.rcParams) == before


def test_other_endings(figure, tmp_path):
    with pytest.raises(ValueError, match=r'a\.gif: the name of a figure must end in \.pdf, \.svg, \.png'):
        save_figure(figure, tmp_path / 'a.gif')


def test_a_folder(figure, tmp_path):
    (tmp_path / 'a.png').mkdir()
    with pytest.raises(ValueError, match=r'a\.png: is a folder'):
        save_figure(figure, tmp_path / 'a.png')


def test_nothing_is_left_of_a_figure_that_failed(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(figure, 'savefig', lambda path, **kwargs: (path.write_bytes(b'x'), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        save_figure(figure, tmp_path / 'a.png')
    assert not list(tmp_path.iterdir())


def test_markup_and_control_characters_are_text_in_svg(tmp_path):
    name = '<b>a</b>\x1b[2J'
    figure = plot_comparison([[Panel(IMAGE, caption=name)]], [name])
    save_figure(figure, tmp_path / 'a.svg')
    root = ElementTree.parse(tmp_path / 'a.svg').getroot()
    texts = [''.join(element.itertext()).strip() for element in root.iter('{http://www.w3.org/2000/svg}text')]
    assert texts.count(name.replace('\x1b', r'\x1b')) == 2
    assert not list(root.iter('{http://www.w3.org/2000/svg}b'))
