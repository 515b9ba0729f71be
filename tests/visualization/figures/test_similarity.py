import math

import numpy as np
import pytest

from mmtscam.visualization.figures import plot_similarity, token_similarity
from mmtscam.visualization.figures.similarity import mean_similarity

IMAGE = np.zeros((20, 30, 3), np.uint8)


def _tokens(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def _by_loops(tokens):
    rows = tokens.astype(float).tolist()
    return [
        [
            sum(a * b for a, b in zip(first, second, strict=True)) / math.hypot(*first) / math.hypot(*second)
            for second in rows
        ]
        for first in rows
    ]


def test_similarity():
    tokens = _tokens(7)
    assert np.allclose(token_similarity(tokens), _by_loops(tokens), atol=1e-12)
    assert np.allclose(token_similarity(tokens * 3), token_similarity(tokens))


def test_a_token_of_zeros():
    similarity = token_similarity(np.array([[0.0, 0], [0, 2], [-3, -4]]))
    assert np.allclose(similarity, [[0, 0, 0], [0, 1, -0.8], [0, -0.8, 1]])


def test_too_many_tokens():
    with pytest.raises(ValueError, match='a matrix of 5,000 tokens is too large'):
        token_similarity(np.ones((5000, 1)))


def test_mean():
    expected = _by_loops(_tokens(6))
    pairs = [expected[i][j] for i in range(6) for j in range(6) if i != j]
    assert mean_similarity(token_similarity(_tokens(6))) == pytest.approx(sum(pairs) / len(pairs))
    assert math.isnan(mean_similarity(np.ones((1, 1))))


def test_what_is_drawn():
    matrices = {'block 1': token_similarity(_tokens(6)), 'VGG$16$': token_similarity(_tokens(9, 1))}
    figure = plot_similarity(IMAGE, matrices)
    image, *places, bar = figure.axes
    assert np.array_equal(image.images[0].get_array(), IMAGE)
    lowest = min(matrix.min() for matrix in matrices.values())
    for place, (name, matrix) in zip(places, matrices.items(), strict=True):
        assert np.array_equal(place.images[0].get_array(), matrix)
        (low, high) = place.images[0].get_clim()
        assert high == 1 and lowest - 0.1 <= low <= lowest
        title, mean = place.get_title().splitlines()
        assert title == name.replace('$', r'\$')
        number = float(mean.removeprefix('mean ').replace('−', '-'))  # noqa: RUF001
        assert number == pytest.approx(mean_similarity(matrix), abs=0.006)
    assert bar.get_ylabel() == 'cosine similarity'


def test_many_blocks_take_several_rows():
    figure = plot_similarity(IMAGE, {str(index): np.eye(3) for index in range(12)})
    figure.canvas.draw()
    places = [place for place in figure.axes if place.images]
    assert len({round(place.get_position().y1, 2) for place in places[1:]}) == 3
    assert figure.get_figwidth() <= 7.01


def test_nothing_to_draw():
    with pytest.raises(ValueError, match='the similarity matrix of one block at least'):
        plot_similarity(IMAGE, {})
