import pickle
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpretrain.evaluation import Accuracy
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader, Dataset

from mmtscam.structures import LocDataSample


def _sample(label=2):
    sample = LocDataSample(metainfo=dict(img_path='a.jpg', ori_shape=(40, 60)))
    sample.set_gt_label(label).set_pred_label(1).set_pred_score(torch.tensor([0.1, 0.7, 0.2]))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[1.0, 2.0, 3.0, 4.5]]), labels=torch.tensor([label]))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 1.0, 5.0, 6.0]]), labels=torch.tensor([1]), scores=torch.tensor([0.7])
    )
    sample.class_maps = InstanceData(
        labels=torch.tensor([1, 2]),
        maps=torch.arange(24.0).reshape(2, 3, 4),
        attention=torch.ones(2, 3, 4),
        metainfo=dict(threshold=0.12),
    )
    return sample


def _assert_same(sample, other):
    assert type(other) is LocDataSample
    assert other.metainfo == sample.metainfo
    assert set(other.keys()) == set(sample.keys())
    assert other.class_maps.metainfo == sample.class_maps.metainfo
    for key in ('gt_label', 'pred_label', 'pred_score'):
        assert torch.equal(other.get(key), sample.get(key))
    for key in ('gt_instances', 'pred_instances', 'class_maps'):
        instances, others = sample.get(key), other.get(key)
        assert set(others.keys()) == set(instances.keys())
        assert all(torch.equal(others[name], instances[name]) for name in instances.keys())  # noqa: SIM118


def test_is_the_sample_of_both_siblings():
    sample = _sample()
    assert isinstance(sample, DataSample)
    assert isinstance(sample, DetDataSample)
    assert sample.gt_label.tolist() == [2]
    assert sample.gt_label.dtype == torch.int64
    assert sample.gt_instances.bboxes.shape == (1, 4)


def test_setting_a_label_gives_back_our_sample():
    assert type(LocDataSample().set_gt_label(3)) is LocDataSample


def test_class_maps_are_a_field():
    sample = _sample()
    assert 'class_maps' in sample
    assert sample.class_maps.maps[1].tolist() == torch.arange(12.0, 24.0).reshape(3, 4).tolist()
    assert len(sample.class_maps) == 2
    del sample.class_maps
    assert 'class_maps' not in sample
    with pytest.raises(AttributeError):
        _ = sample.class_maps


def test_class_maps_must_be_instances():
    with pytest.raises(AssertionError, match='InstanceData'):
        LocDataSample().class_maps = torch.rand(1, 14, 14)


def test_to_dict_is_plain_all_the_way_down():
    given = _sample().to_dict()
    assert set(given) == {
        'img_path',
        'ori_shape',
        'num_classes',
        'gt_label',
        'pred_label',
        'pred_score',
        'gt_instances',
        'pred_instances',
        'class_maps',
    }
    assert type(given['class_maps']) is dict
    assert set(given['class_maps']) == {'labels', 'maps', 'attention', 'threshold'}
    assert given['class_maps']['threshold'] == 0.12
    assert given['gt_instances']['bboxes'].tolist() == [[1.0, 2.0, 3.0, 4.5]]


def test_casts_and_clones_reach_the_maps():
    sample = _sample()
    moved = sample.to(torch.float64)
    assert moved.class_maps.maps.dtype == moved.pred_instances.bboxes.dtype == torch.float64
    assert moved.class_maps.threshold == 0.12
    _assert_same(sample, sample.clone())


def test_pickling():
    sample = _sample()
    _assert_same(sample, pickle.loads(pickle.dumps(sample)))


def test_goes_between_processes_by_value():
    tensor = torch.rand(3)
    ForkingPickler.dumps(tensor)
    assert tensor.is_shared()  # so goes a bare tensor, and every one needs a file descriptor

    sample = _sample()
    _assert_same(sample, pickle.loads(ForkingPickler.dumps([sample]))[0])
    tensors = [sample.gt_label, sample.pred_score, sample.gt_instances.bboxes, sample.class_maps.maps]
    assert not any(tensor.is_shared() for tensor in tensors)


class _Samples(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return _sample(index)


def test_passes_through_a_loader_worker():
    loader = DataLoader(_Samples(), batch_size=2, num_workers=1, collate_fn=list)
    samples = [sample for batch in loader for sample in batch]
    assert len(samples) == 4
    for index, sample in enumerate(samples):
        _assert_same(_sample(index), sample)
        assert not sample.class_maps.maps.is_shared()


def test_mmpretrain_accuracy_takes_it():
    evaluator = Evaluator(Accuracy(topk=(1, 2)))
    evaluator.process([_sample(label) for label in (1, 2, 2, 0)])
    assert evaluator.evaluate(4) == {'accuracy/top1': 25.0, 'accuracy/top2': 75.0}
