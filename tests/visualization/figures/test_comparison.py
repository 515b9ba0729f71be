import numpy as np
import pytest
from tiny_fonts import make_font

from mmtscam.localization import PROTOCOLS, normalize_map
from mmtscam.visualization.figures import Panel, plot_comparison
from mmtscam.visualization.figures.style import set_fonts

RNG = np.random.default_rng(0)
WIDE = RNG.integers(0, 256, (30, 50, 3), dtype=np.uint8)
HIGH = RNG.integers(0, 256, (90, 30, 3), dtype=np.uint8)


def _rows():
    score_map = RNG.normal(size=(5, 7))
    return [
        [
            Panel(WIDE, true_boxes=[[1, 2, 20, 25]], caption='Tern 0.50'),
            Panel(WIDE, score_map, [[0, 0, 50, 30], [3, 4, 10, 9]], [[1, 2, 20, 25]]),
        ],
        [Panel(HIGH), Panel(HIGH, score_map)],
    ]


def test_wide_letters_stay_within_their_panel(bare_fonts):
    make_font(bare_fonts / 'a.ttf', '燕鸥', 'Tiny Sans')
    figure = plot_comparison([[Panel(WIDE, caption='燕鸥' * 12), Panel(WIDE)]], ['燕鸥' * 12, 'TS-CAM'])
    set_fonts(figure)
    figure.canvas.draw()
    panel = figure.axes[0]
    for text in (panel.title, panel.xaxis.label):
        assert text.get_text().replace('\n', '') == '燕鸥' * 12
        assert text.get_window_extent().width <= panel.get_window_extent().width


def test_what_is_drawn():
    rows = _rows()
    figure = plot_comparison(rows, ['image', 'TS-CAM'])
    axes = figure.axes[:4]
    assert [place.get_title() for place in axes] == ['image', 'TS-CAM', '', '']
    assert [place.get_xlabel() for place in axes] == ['Tern 0.50', '', '', '']
    for place, panel in zip(axes, [*rows[0], *rows[1]], strict=True):
        assert np.array_equal(place.images[0].get_array(), panel.image)
        height, width = panel.image.shape[:2]
        assert place.images[0].get_extent() == [0, width, height, 0]
        assert (place.get_xlim(), place.get_ylim()) == ((0, width), (height, 0))
        if panel.score_map is None:
            assert len(place.images) == 1
        else:
            level = place.images[1].get_array()
            assert np.array_equal(level, normalize_map(panel.score_map, PROTOCOLS['tscam']))
            assert (level.min(), level.max()) == (0, 1)
            assert place.images[1].get_extent() == [0, width, height, 0]
    boxes = [[[*patch.get_xy(), patch.get_width(), patch.get_height()] for patch in place.patches] for place in axes]
    assert boxes == [[[1, 2, 19, 23]], [[1, 2, 19, 23], [0, 0, 50, 30], [3, 4, 7, 5]], [], []]
    true, predicted, _ = axes[1].patches
    assert true.get_linestyle() != predicted.get_linestyle()
    assert true.get_edgecolor() != predicted.get_edgecolor()


def test_the_key_tells_what_is_there():
    def key(*row):
        figure = plot_comparison([row], ['x'] * len(row))
        return [text.get_text() for legend in figure.legends for text in legend.get_texts()]

    image, predicted, true = Panel(WIDE), Panel(WIDE, boxes=[[0, 0, 9, 9]]), Panel(WIDE, true_boxes=[[0, 0, 9, 9]])
    assert key(image) == []
    assert key(image, predicted) == ['predicted box']
    assert key(true) == ['true box']
    assert key(true, predicted) == ['predicted box', 'true box']


@pytest.mark.parametrize('columns', [1, 2, 4, 7])
def test_nothing_overlaps_or_is_cut_off(columns):
    panels = [Panel(image, boxes=[[0, 0, 9, 9]], caption='A long name of a class 0.99') for image in (WIDE, HIGH)]
    figure = plot_comparison([panels[:1] * columns, panels[1:] * columns], ['a long title of a column'] * columns)
    figure.canvas.draw()
    width, height = figure.bbox.size
    assert figure.get_figwidth() <= 7.01
    parts = [place.get_tightbbox() for place in figure.axes] + [figure.legends[0].get_window_extent()]
    for part in parts:
        assert part.x0 > -1 and part.y0 > -1 and part.x1 < width + 1 and part.y1 < height + 1
    panels, (key, legend) = parts[:-2], parts[-2:]
    for index, part in enumerate(panels):
        assert not any(part.shrunk(0.97, 0.97).overlaps(other) for other in [*panels[:index], key, legend])


def test_images_keep_their_proportions():
    figure = plot_comparison(_rows(), ['a', 'b'])
    figure.canvas.draw()
    for place, image in zip(figure.axes, (WIDE, WIDE, HIGH, HIGH), strict=False):
        size = place.get_window_extent()
        assert size.height / size.width == pytest.approx(image.shape[0] / image.shape[1], rel=1e-3)


def test_names_are_no_formulas():
    figure = plot_comparison([[Panel(WIDE, caption='$a$ Möwe Чайка')]], ['$b$'])
    figure.canvas.draw()
    place = figure.axes[0]
    assert place.title._preprocess_math(place.get_title()) == ('$b$', False)
    assert place.xaxis.label._preprocess_math(place.get_xlabel()) == ('$a$ Möwe Чайка', False)


def test_a_constant_map():
    place = plot_comparison([[Panel(WIDE, np.ones((3, 3)))]], ['a']).axes[0]
    assert not place.images[1].get_array().any()


@pytest.mark.parametrize('rows', [[], [[Panel(WIDE)]], [[Panel(WIDE)] * 2, [Panel(WIDE)]]])
def test_a_panel_is_missing(rows):
    with pytest.raises(ValueError, match='a panel for each of 2 titles in every row'):
        plot_comparison(rows, ['a', 'b'])
