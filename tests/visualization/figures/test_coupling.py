import numpy as np
import pytest

from mmtscam.localization import PROTOCOLS, normalize_map
from mmtscam.visualization.figures import plot_coupling

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (30, 50, 3), dtype=np.uint8)
ATTENTION = RNG.random((3, 4))
SEMANTIC = RNG.normal(size=(2, 3, 4))
BOXES = [np.array([[1.0, 2, 9, 8]]), np.array([[3.0, 3, 20, 20], [0, 0, 4, 4]])]


def test_the_steps_of_each_class():
    figure = plot_coupling(IMAGE, ATTENTION, SEMANTIC, BOXES, ['Tern\n0.90', 'Gull\n0.10'], [[5, 5, 9, 9]])
    rows = [figure.axes[:5], figure.axes[5:10]]
    assert [place.get_title() for place in rows[0]] == [
        'image', 'attention $A_*$', 'semantic map $S_c$', 'coupled map $M_c$', 'box'
    ]  # fmt: skip
    for row, semantic, boxes in zip(rows, SEMANTIC, BOXES, strict=True):
        assert [len(place.images) for place in row] == [1, 2, 2, 2, 1]
        product = np.empty((3, 4))
        for y in range(3):
            for x in range(4):
                product[y, x] = ATTENTION[y, x] * semantic[y, x]
        for place, expected in zip(row[1:4], (ATTENTION, semantic, product), strict=True):
            assert np.allclose(place.images[1].get_array(), normalize_map(expected, PROTOCOLS['tscam']), atol=1e-12)
            low, high = place.get_xlabel().replace('−', '-').split(' to ')  # noqa: RUF001
            assert float(low) == pytest.approx(expected.min(), rel=0.05)
            assert float(high) == pytest.approx(expected.max(), rel=0.05)
        drawn = [[*patch.get_xy(), patch.get_width(), patch.get_height()] for patch in row[4].patches]
        assert drawn == [[5, 5, 4, 4], *([x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in boxes.tolist())]
    texts = [text.get_text() for text in figure.texts]
    assert [text for text in texts if len(text) == 1] == ['⊗', '=', '→'] * 2
    assert 'Tern\n0.90' in texts and 'Gull\n0.10' in texts


def test_long_names_of_classes_stay_within_their_rows():
    names = ['Northern Rough winged Swallow of the south\n0.99', 'Gull\n0.01']
    figure = plot_coupling(IMAGE, ATTENTION, SEMANTIC, BOXES, names)
    figure.canvas.draw()
    first, second = (text.get_window_extent() for text in figure.texts if text.get_text()[:5] in ('North', 'Gull\n'))
    assert first.x0 >= 0 and not first.overlaps(second)
    assert first.y1 <= figure.bbox.height
    assert first.x1 <= figure.axes[0].get_window_extent().x0


@pytest.mark.parametrize('count', [0, 1])
def test_something_is_missing(count):
    with pytest.raises(ValueError, match=f'got {count}, {count} and 2'):
        plot_coupling(IMAGE, ATTENTION, SEMANTIC[:count], BOXES[:count], ['a', 'b'])
    with pytest.raises(ValueError, match='one or more classes'):
        plot_coupling(IMAGE, ATTENTION, SEMANTIC[:0], [], [])
