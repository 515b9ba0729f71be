"""Each function beside loops over positions that follow the papers' formulas."""

import numpy as np
import pytest
import torch

from mmtscam.localization import correlate_maps, enhance_maps, self_correlation


def cosine(one, other):
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def stretched(values):
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def columns_to_one(matrix):
    return matrix / (matrix.sum(axis=0, keepdims=True) + 1e-5)


def plain_correlation(vectors, first, second, weight):
    count = len(vectors)
    alike = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            value = max(cosine(vectors[i], vectors[j]), 0)
            alike[i, j] = value if value >= first else 0
    others = alike.copy()
    np.fill_diagonal(others, 0)
    others = columns_to_one(others)
    paths = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            paths[i, j] = sum(others[i, k] * others[k, j] for k in range(count))
    paths = columns_to_one(paths)
    paths[paths < second / count] = 0
    return columns_to_one(np.maximum(columns_to_one(alike), weight * paths))


def plain_correlated_map(matrix, score_map, high, low):
    stretched_map = stretched(np.maximum(score_map.ravel(), 0))
    sums = []
    for chosen in (stretched_map >= high, stretched_map <= low):
        total = np.zeros(len(matrix))
        for position in np.flatnonzero(chosen):
            total += stretched(matrix[:, position])
        sums.append(stretched(total))
    return stretched(np.maximum(sums[0] - sums[1], 0)).reshape(score_map.shape)


@pytest.fixture
def features():
    return torch.randn(2, 6, 3, 4, dtype=torch.float64) + 0.3


@pytest.fixture
def maps():
    return torch.randn(2, 5, 3, 4, dtype=torch.float64)


def vectors_of(features):
    return features.flatten(1).T.numpy()


@pytest.mark.parametrize(('share', 'number'), [(60 / 784, 1), (0.25, 3), (0.5, 6)])
def test_likeness_to_the_nearest_seed(features, maps, share, number):
    found = enhance_maps(features, maps, share)
    for image in range(2):
        vectors = vectors_of(features[image])
        for place in range(5):
            seeds = maps[image, place].flatten().argsort(descending=True)[:number].tolist()
            expected = [max(cosine(vectors[seed], vector) for seed in seeds) for vector in vectors]
            np.testing.assert_allclose(found[image, place].flatten(), stretched(np.array(expected)), atol=1e-12)
            assert found[image, place].flatten()[seeds].min() == pytest.approx(1)


def test_where_all_positions_are_seeds_the_map_is_flat(features, maps):
    assert enhance_maps(features, maps, 1.0).max() < 1e-6
    assert enhance_maps(features.float(), maps.float(), 1.0).max() < 0.1


@pytest.mark.parametrize(('first', 'second', 'weight'), [(0.1, 0.5, 2.0), (0.2, 0.2, 1.0), (0.0, 0.0, 0.0)])
def test_correlation(features, first, second, weight):
    found = self_correlation(features, first, second, weight)
    for image in range(2):
        expected = plain_correlation(vectors_of(features[image]), first, second, weight)
        np.testing.assert_allclose(found[image], expected, atol=1e-12)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2, 12, dtype=torch.float64), rtol=1e-4, atol=1e-4)


def test_first_and_second_order_each_decide_somewhere(features):
    both, first_alone, second_alone = (
        self_correlation(features, first, 0.5, weight) for first, weight in ((0.1, 2.0), (0.1, 0.0), (0.1, 100.0))
    )
    assert not torch.allclose(both, first_alone)
    assert not torch.allclose(both, second_alone)


@pytest.mark.parametrize(('high', 'low'), [(0.1, 0.05), (0.6, 0.3), (1.0, 0.0)])
def test_correlated_maps(features, maps, high, low):
    matrix = self_correlation(features, 0.1, 0.5, 2.0)
    found = correlate_maps(matrix, maps, high, low)
    for image in range(2):
        for place in range(5):
            expected = plain_correlated_map(matrix[image].numpy(), maps[image, place].numpy(), high, low)
            np.testing.assert_allclose(found[image, place], expected, atol=1e-9)


def test_flat_maps_and_dead_features_give_numbers(features):
    flat = torch.zeros(2, 1, 3, 4, dtype=torch.float64)
    dead = torch.zeros_like(features)
    for compared in (features, dead):
        matrix = self_correlation(compared, 0.1, 0.5, 2.0)
        assert correlate_maps(matrix, flat, 0.1, 0.05).isfinite().all()
        assert enhance_maps(compared, flat, 0.1).isfinite().all()


def test_half_precision_is_computed_in_full(features, maps):
    low = features.to(torch.bfloat16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        matrix = self_correlation(low, 0.1, 0.5, 2.0)
        found = correlate_maps(matrix, maps.float(), 0.1, 0.05)
        enhanced = enhance_maps(low, maps.float(), 0.25)
    assert matrix.dtype == found.dtype == enhanced.dtype == torch.float32
    torch.testing.assert_close(matrix, self_correlation(low.float(), 0.1, 0.5, 2.0))
    torch.testing.assert_close(enhanced, enhance_maps(low.float(), maps.float(), 0.25))
