import numpy as np
import pytest

from mmtscam.localization import PROTOCOLS, normalize_map
from mmtscam.visualization.figures import plot_layers

IMAGE = np.zeros((20, 20, 3), np.uint8)


@pytest.mark.parametrize('count', [1, 5, 6, 12])
def test_maps_of_the_blocks_and_their_mean(count):
    attention = np.random.default_rng(0).random((count, 3, 4))
    figure = plot_layers(IMAGE, attention)
    axes = figure.axes[:-1]  # the last is the key's
    assert [place.get_title() for place in axes] == [
        'image', *(f'$A_*^{{{number}}}$' for number in range(1, count + 1)), '$A_*$ (mean)'
    ]  # fmt: skip
    mean = np.zeros((3, 4))
    for layer in attention:
        mean += layer / count
    for place, expected in zip(axes[1:], [*attention, mean], strict=True):
        assert np.allclose(place.images[1].get_array(), normalize_map(expected, PROTOCOLS['tscam']))


def test_twelve_blocks_fill_two_rows():
    axes = plot_layers(IMAGE, np.random.default_rng(0).random((12, 3, 4))).axes[:-1]
    assert len({round(place.get_position().y0, 3) for place in axes}) == 2
    assert len({round(place.get_position().x0, 3) for place in axes}) == 7


def test_numbers_of_chosen_blocks():
    axes = plot_layers(IMAGE, np.ones((2, 3, 4)), [9, 12]).axes
    assert [place.get_title() for place in axes[1:3]] == ['$A_*^{9}$', '$A_*^{12}$']


@pytest.mark.parametrize(('count', 'blocks'), [(0, None), (2, [1])])
def test_nothing_to_draw(count, blocks):
    with pytest.raises(ValueError, match='a number for each of one or more maps'):
        plot_layers(IMAGE, np.ones((count, 3, 4)), blocks)
