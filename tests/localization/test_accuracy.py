import numpy as np
import pytest

from mmtscam.localization import accuracy_over_ious


@pytest.mark.parametrize('strict', [False, True])
def test_counts_images(strict):
    rng = np.random.default_rng(0)
    ious, levels = rng.integers(-1, 11, 57) / 10, np.arange(11) / 10
    expected = [100 * sum(iou > level if strict else iou >= level for iou in ious) / 57 for level in levels]
    assert accuracy_over_ious(ious, levels, strict).tolist() == pytest.approx(expected)


def test_never_rises_with_the_level():
    accuracy = accuracy_over_ious(np.random.default_rng(0).random(100), np.arange(0, 1, 0.05))
    assert (np.diff(accuracy) <= 0).all()
    assert accuracy[0] == 100.0
