import numpy as np
import pytest
from tiny_fonts import make_font

from mmtscam.visualization.drawing import (
    color_map,
    draw_boxes,
    draw_legend,
    draw_text,
    fit_size,
    heat_colors,
    overlay_map,
    resize_image,
)


def _written(text, width=300, size=16):
    canvas = np.full((30, 320, 3), 255, np.uint8)
    draw_text(canvas, (2, 4), text, size, width)
    return canvas


def test_colours_grow_lighter_all_along():
    """So that order is seen in grey and by colour-blind readers."""
    lightness = heat_colors(np.linspace(0, 1, 50)) @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) > 0).all()
    assert heat_colors(np.zeros((2, 3))).shape == (2, 3, 3)


def test_an_overlay_shows_both():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    picture = overlay_map(image, np.array([[0.0, 1.0], [0.0, 1.0]])).astype(int)
    assert picture[:, -1].sum(axis=-1).min() > picture[:, 0].sum(axis=-1).max()
    flat = overlay_map(image, np.ones((2, 2)))
    assert (flat[:, 10:].astype(int) - flat[:, :1] == 80).all()  # two fifths of the image


@pytest.mark.filterwarnings('error')
def test_a_map_of_the_largest_numbers_is_coloured_as_another():
    score_map = np.random.default_rng(0).uniform(-1, 1, (14, 14)).astype(np.float32)
    colours = color_map(np.ldexp(score_map, 128), (56, 56))
    assert np.array_equal(colours, color_map(score_map, (56, 56)))
    assert len(np.unique(colours)) > 50


@pytest.mark.parametrize('text', ['Grünspecht', 'Бекас', 'Ωκεανός', 'naïve “Ave” ½'])
def test_letters_beyond_ascii(text):
    """Not the box that stands for a letter which a font lacks."""
    missing = _written('\U000f0000' * len(text))
    assert not np.array_equal(_written(text), missing)
    assert (_written(text) < 100).any()


def test_letters_of_several_fonts_stand_on_one_line(bare_fonts):
    make_font(bare_fonts / 'a.ttf', '燕鸥', 'Tiny Sans')
    first, tern, both = (_written(text)[4:, 2:] for text in ('Tern ', '燕鸥', 'Tern 燕鸥'))
    width = draw_text(np.full((30, 320, 3), 255, np.uint8), (0, 0), 'Tern ', 16, 300) - 1
    assert np.array_equal(both[:, :width], first[:, :width])
    # Each letter of the small font is a square as high as its em is to seven tenths, and stands on the base line.
    rows, columns = np.nonzero(both[:, width + 1 :, 0] < 100)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (11, 29)
    assert rows.max() == np.nonzero(first[..., 0] < 100)[0].max()
    assert np.ptp(np.nonzero(tern[..., 0] < 100)[1]) == np.ptp(columns)


def test_the_font_that_is_asked_for(bare_fonts, tmp_path):
    font = str(make_font(tmp_path / 'mine.ttf', 'ab', 'Mine'))
    plain, mine = (np.full((30, 100, 3), 255, np.uint8) for _ in range(2))
    draw_text(plain, (0, 0), 'ab', 16, 100)
    draw_text(mine, (0, 0), 'ab', 16, 100, font)
    assert (mine < 100).sum() > 2 * (plain < 100).sum()


def test_long_text_is_cut_off():
    text = 'W' * 100
    short = _written(text, width=120)
    assert (short[:, 123:] == 255).all()
    assert (short[:, 90:120] < 100).any()
    assert not np.array_equal(short, _written('W' * 99 + 'X', width=300))
    assert (_written(text, width=1) == _written('…', width=300)).mean() > 0.9


def test_boxes_beyond_the_image_follow_its_border():
    image = np.zeros((30, 40, 3), np.uint8)
    draw_boxes(image, np.array([[-50, -50, 400, 400]]), (1, 2, 3))
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == (1, 2, 3)).all()
    assert (image[6:24, 6:34] == 0).all()


@pytest.mark.parametrize(
    ('shape', 'size'),
    [((10, 10), (50, 50)), ((10, 30), (100, 33)), ((1, 2000), (100, 1)), ((2000, 1), (1, 50)), ((100, 100), (50, 50))],
)
def test_an_image_fits_into_a_frame(shape, size):
    image = np.full((*shape, 3), 7, np.uint8)
    assert fit_size(image, 100, 50) == size
    resized = resize_image(image, size)
    assert resized.shape == (*size[::-1], 3)
    assert (resized == 7).all()


def test_a_legend_has_colours_from_low_to_high_and_boxes():
    pixels = np.full((30, 500, 3), 255, np.uint8)
    draw_legend(pixels, 2, 14, [('mine', (250, 0, 0)), ('yours', (0, 0, 250))])
    for color in (heat_colors(np.zeros(1))[0], heat_colors(np.ones(1))[0], (250, 0, 0), (0, 0, 250)):
        assert (pixels == color).all(axis=-1).any()
    first, last = (np.argwhere((pixels == heat_colors(np.array([v]))[0]).all(axis=-1))[:, 1] for v in (0.0, 1.0))
    assert first.max() < last.min()
