import logging
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.runner import Runner

from mmtscam.datasets import ClassPairSampler
from mmtscam.registry import DATA_SAMPLERS, DATASETS

# Images of the classes 0 to 5 in mixed order; none of class 3.
LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 4, 5], [8, 4, 5, 6, 2]))
CLASSES = 5
MODULE = 'mmtscam.datasets.samplers.class_pair_sampler'


class Labelled:
    """A data set of labels, whose images cannot be loaded."""

    def __init__(self, labels=LABELS, **metainfo):
        self.labels, self.metainfo = np.asarray(labels), metainfo

    def __len__(self):
        return len(self.labels)

    def get_gt_labels(self):
        return self.labels


@pytest.fixture
def warnings_seen(monkeypatch):
    seen = []
    monkeypatch.setattr(f'{MODULE}.print_log', lambda message, logger, level: seen.append((level, message)))
    return seen


def sample(labels=LABELS, epoch=0, rank=0, world_size=1, monkeypatch=None, **kwargs):
    if monkeypatch:
        monkeypatch.setattr(f'{MODULE}.get_dist_info', lambda: (rank, world_size))
    sampler = ClassPairSampler(Labelled(labels), **{'seed': 3, **kwargs})
    sampler.set_epoch(epoch)
    indices = list(sampler)
    assert len(indices) == len(sampler)
    return indices


def classes_of(indices, labels=LABELS):
    """The class of each pair, which both images have."""
    pairs = np.asarray(labels)[indices].reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all()
    return pairs[:, 0].tolist()


@pytest.mark.parametrize('shuffle', [True, False])
@pytest.mark.parametrize('epoch', [0, 1, 7])
def test_pairs_of_different_classes(epoch, shuffle):
    indices = sample(epoch=epoch, shuffle=shuffle)
    assert all(type(index) is int for index in indices)
    classes = classes_of(indices)
    assert len(classes) == (len(LABELS) + 1) // 2 == 13
    assert all(len({*classes[start : start + CLASSES]}) == CLASSES for start in range(len(classes) - CLASSES + 1))
    assert 3 not in classes
    assert all(first != second for first, second in np.reshape(indices, (-1, 2)))


def test_a_class_goes_through_its_images():
    """Again and again, in one order."""
    indices = sample([0] * 5 + [1] * 5 + [2] * 40)
    for label, own in ((0, range(5)), (1, range(5, 10))):
        seen = [index for index in indices if index in own]
        assert len(seen) in (16, 18)
        assert set(seen[:5]) == set(own)
        assert all(index == seen[place % 5] for place, index in enumerate(seen)), label
    third = [index for index in indices if index >= 10]
    assert len(third) == len(set(third))


def test_all_images_of_even_classes():
    labels = np.arange(24) % 4
    assert Counter(sample(labels)) == Counter(range(24))


def test_epochs_and_seeds():
    assert sample(epoch=2) == sample(epoch=2)
    orders = [sample(epoch=epoch, seed=seed) for epoch in range(2) for seed in (3, 30)]
    assert len({tuple(order) for order in orders}) == 4
    assert len({tuple(classes_of(order)[:CLASSES]) for order in orders}) > 1
    assert sample(epoch=0, shuffle=False) == sample(epoch=1, shuffle=False)
    by_class = [np.flatnonzero(label == LABELS) for label in (0, 1, 2, 4, 5)]
    assert sample(shuffle=False)[:14] == [int(i) for own in by_class for i in own[:2]] + [
        int(i) for own in by_class[:2] for i in own[2:4]
    ]


def test_other_randomness_does_not_matter():
    expected = sample()
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert sample() == expected
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('world_size', [2, 3])
def test_processes_together_are_one(world_size, monkeypatch):
    """A batch of all is that of one process with as many times the size, and all have equally many."""
    parts = [sample(rank=rank, world_size=world_size, monkeypatch=monkeypatch) for rank in range(world_size)]
    one = sample(rank=0, world_size=1, monkeypatch=monkeypatch)
    assert {len(part) for part in parts} == {2 * -(-13 // world_size)}
    joint = np.stack([np.reshape(part, (-1, 2)) for part in parts], axis=1).reshape(-1)
    assert joint[: len(one)].tolist() == one
    classes = classes_of(joint)  # also those that were added
    assert all(len({*classes[start : start + CLASSES]}) == CLASSES for start in range(len(classes) - CLASSES + 1))


def test_single_images_are_said_once(warnings_seen):
    labels = [0, 0, 4, 2, 0, 0]
    for epoch in range(2):
        indices = sample(labels, epoch=epoch)
        assert sorted(classes_of(indices, labels)) == [0, 2, 4]
        assert {(2, 2), (3, 3)} <= {tuple(pair) for pair in np.reshape(indices, (-1, 2)).tolist()}
    warnings_seen.clear()
    sampler = ClassPairSampler(Labelled(labels, classes=tuple('abcdef')), seed=0)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        list(sampler)
    message = 'ClassPairSampler pairs the single image of a class with itself in 2 classes, first in c'
    assert warnings_seen == [(logging.WARNING, message)]


def test_nothing_is_said_without_them(warnings_seen):
    sample()
    assert warnings_seen == []


def test_a_class_without_a_name_is_numbered(warnings_seen):
    sample([7, 7, 9])
    assert warnings_seen[0][1].endswith('in 1 classes, first in 9')


def test_a_loader_of_the_config(sample_set):
    """Labels of real data sets, joined and repeated ones too; no image is loaded for them."""
    wsol = dict(type='WSOLDataset', dataset=dict(type='mmpretrain.CUB', data_root=str(sample_set), split='train'))
    plain = DATASETS.build(wsol)
    labels = plain.get_gt_labels()
    for dataset, times in ((plain, 1), (ConcatDataset([plain, plain]), 2), (RepeatDataset(plain, 3), 3)):
        sampler = DATA_SAMPLERS.build(dict(type='ClassPairSampler', dataset=dataset, seed=0))
        indices = list(sampler)
        assert len(indices) == times * len(labels) == times * 24
        assert len(set(classes_of(indices, np.tile(labels, times))[:8])) == 8

    pipeline = [dict(type='LoadResizedImage', scale=(8, 8)), dict(type='PackLocInputs')]
    cfg = dict(
        dataset=dict(wsol, pipeline=pipeline),
        sampler=dict(type='ClassPairSampler', shuffle=True),
        batch_size=6,
        num_workers=0,
        num_batch_per_epoch=2,
    )
    batches = list(Runner.build_dataloader(cfg, seed=1))
    assert len(batches) == 2
    for batch in batches:
        first = [int(each.gt_label) for each in batch['data_samples']]
        assert first[::2] == first[1::2]
        assert len(set(first)) == 3


class Bad:
    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def get_data_info(self, index):
        return dict(gt_label=self.labels[index]) if self.labels[index] is not None else {}


BAD = [[1, 2], Bad([1, None]), Bad([[1, 2], [1]]), Bad([[1], [1]]), Bad([0.5, 1.0]), Labelled(np.zeros(0, int))]


@pytest.mark.parametrize('dataset', BAD)
def test_data_without_labels_is_refused(dataset):
    with pytest.raises(ValueError, match=r'needs one label an image, which \w+ does not give: set train_dataloader'):
        ClassPairSampler(dataset, seed=0)
