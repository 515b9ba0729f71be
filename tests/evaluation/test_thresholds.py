from dataclasses import replace

import numpy as np
import pytest

from mmtscam.evaluation.thresholds import ThresholdChoice, ThresholdSource, best_thresholds
from mmtscam.localization import get_protocol

TWO_LEVELS = get_protocol(dict(base='wsol-v2', iou_levels=[0.3, 0.7], threshold=0.5))


def test_what_names_end_in():
    assert {source.value: source.suffix for source in ThresholdSource} == dict(fixed='', val='_val', oracle='_oracle')


@pytest.mark.parametrize(
    ('correct', 'threshold', 'accuracy', 'level_thresholds', 'level_oracle_accuracies'),
    [
        ([[1, 3, 3, 0], [2, 2, 1, 2]], 0.25, 62.5, (0.25, 0.0), (75.0, 50.0)),
        ([[0, 0, 4, 4], [0, 3, 1, 1]], 0.5, 62.5, (0.5, 0.25), (100.0, 75.0)),
        ([[0, 2, 1, 2], [4, 0, 3, 2]], 0.0, 50.0, (0.25, 0.0), (50.0, 100.0)),
        ([[0, 0, 0, 0], [0, 0, 0, 0]], 0.0, 0.0, (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_the_lowest_of_the_best(correct, threshold, accuracy, level_thresholds, level_oracle_accuracies):
    best = best_thresholds(np.array(correct), 4, np.arange(0, 1, 0.25), TWO_LEVELS, 'maps', 'attention')
    protocol = replace(TWO_LEVELS, threshold=None)
    assert best == ThresholdChoice(
        protocol, 'maps', 'attention', threshold, accuracy, level_thresholds, level_oracle_accuracies
    )
