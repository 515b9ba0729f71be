import numpy as np
import torch
from mmengine.structures import PixelData
from mmpretrain.datasets.transforms import PackInputs

from mmtscam.datasets import PackLocInputs
from mmtscam.registry import TRANSFORMS
from mmtscam.structures import LocDataSample


def _results(**more):
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    return dict(
        img=image,
        img_path='a.jpg',
        img_id=7,
        ori_shape=(50, 70),
        img_shape=(5, 7),
        scale_factor=(0.1, 0.1),
        flip=True,
        secret='not kept',
        **more,
    )


def test_image_and_label_as_mmpretrain_packs_them():
    ours = PackLocInputs()(_results(gt_label=3))
    theirs = PackInputs()(_results(gt_label=3))
    assert set(ours) == set(theirs) == {'inputs', 'data_samples'}
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert ours['inputs'].dtype == torch.uint8
    assert ours['inputs'][2, 4, 6] == 4 * 21 + 6 * 3 + 2
    assert type(ours['data_samples']) is LocDataSample
    assert ours['data_samples'].gt_label.tolist() == theirs['data_samples'].gt_label.tolist() == [3]
    assert ours['data_samples'].metainfo == {**theirs['data_samples'].metainfo, 'img_id': 7}


def test_meta_information():
    meta = PackLocInputs()(_results())['data_samples'].metainfo
    assert meta['img_id'] == 7
    assert meta['img_path'] == 'a.jpg'
    assert meta['ori_shape'] == (50, 70)
    assert meta['scale_factor'] == (0.1, 0.1)
    assert 'secret' not in meta


def test_meta_keys_can_be_chosen():
    packed = PackLocInputs(meta_keys=('img_id', 'secret'))(_results())
    assert packed['data_samples'].metainfo == dict(img_id=7, secret='not kept')


def test_boxes_stay_in_original_coordinates():
    instances = [
        dict(bbox=[1.5, 2.25, 60, 40], bbox_label=3, ignore_flag=0),
        dict(bbox=[0, 0, 70, 50], bbox_label=4, ignore_flag=0),
    ]
    sample = PackLocInputs()(_results(gt_label=3, instances=instances))['data_samples']
    assert sample.gt_instances.bboxes.tolist() == [[1.5, 2.25, 60, 40], [0, 0, 70, 50]]
    assert sample.gt_instances.bboxes.dtype == torch.float32
    assert sample.gt_instances.labels.tolist() == [3, 4]
    assert sample.gt_instances.labels.dtype == torch.int64


def test_boxes_to_be_ignored_are_apart_as_in_mmdet():
    instances = [
        dict(bbox=[1, 2, 3, 4], bbox_label=3, ignore_flag=1),
        dict(bbox=[5, 6, 7, 8], bbox_label=4, ignore_flag=0),
        dict(bbox=[0, 0, 2, 2], bbox_label=5),
    ]
    sample = PackLocInputs()(_results(instances=instances))['data_samples']
    assert sample.gt_instances.bboxes.tolist() == [[5, 6, 7, 8], [0, 0, 2, 2]]
    assert sample.gt_instances.labels.tolist() == [4, 5]
    assert sample.ignored_instances.bboxes.tolist() == [[1, 2, 3, 4]]
    assert sample.ignored_instances.labels.tolist() == [3]
    sample = PackLocInputs()(_results(instances=instances[1:]))['data_samples']
    assert sample.ignored_instances.bboxes.shape == (0, 4)
    assert sample.ignored_instances.labels.dtype == torch.int64


def test_annotations_are_meta_information_too():
    instances = [dict(bbox=[1.5, 2.25, 60, 40], bbox_label=3, ignore_flag=0)]
    sample = PackLocInputs()(_results(instances=instances))['data_samples']
    assert sample.metainfo['instances'] == sample.to_dict()['instances'] == instances
    assert sample.gt_instances.to_dict().keys() == {'bboxes', 'labels'}


def test_an_array_has_no_path():
    results = {**_results(), 'img_path': None}
    assert 'img_path' not in PackLocInputs()(results)['data_samples']
    assert results['img_path'] is None


def test_no_boxes_and_no_label():
    sample = PackLocInputs()(_results())['data_samples']
    assert 'gt_instances' not in sample
    assert 'ignored_instances' not in sample
    assert 'instances' not in sample
    assert 'gt_label' not in sample
    assert 'gt_sem_seg' not in sample


def test_an_empty_list_of_boxes():
    sample = PackLocInputs()(_results(instances=[]))['data_samples']
    assert sample.gt_instances.bboxes.shape == (0, 4)
    assert sample.gt_instances.labels.shape == (0,)


def test_built_by_the_registry():
    assert type(TRANSFORMS.build(dict(type='PackLocInputs'))) is PackLocInputs


def test_a_mask_stays_in_its_own_resolution():
    mask = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)
    sample = PackLocInputs()(_results(gt_mask=mask))['data_samples']
    assert type(sample.gt_sem_seg) is PixelData
    assert sample.gt_sem_seg.sem_seg.tolist() == [mask.tolist()]
    assert sample.gt_sem_seg.sem_seg.dtype == torch.uint8
