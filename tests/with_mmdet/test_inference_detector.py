import compiled_ops  # noqa: F401 - skips this module without them
import mmcv
import pytest
import torch
from mmdet.apis import inference_detector, init_detector

from mmtscam.structures import LocDataSample


@pytest.fixture
def detector(files):
    return init_detector(*files, device='cpu')


def _assert_same(found, sample):
    assert type(found) is LocDataSample
    assert found.pred_instances.labels.tolist() == sample.pred_instances.labels.tolist()
    torch.testing.assert_close(found.pred_score, sample.pred_score)
    torch.testing.assert_close(found.pred_instances.bboxes, sample.pred_instances.bboxes)
    torch.testing.assert_close(found.class_maps.maps, sample.class_maps.maps)
    assert found.ori_shape == sample.ori_shape


def test_what_a_detector_knows(detector, ours):
    assert detector.dataset_meta == dict(classes=ours.classes, palette='random')
    assert not detector.training


def test_a_palette_of_the_config(files, tmp_path):
    (tmp_path / 'mine.py').write_text(
        f'_base_ = {files[0]!r}\ntest_dataloader = dict(dataset=dict(metainfo=dict(palette=[(1, 2, 3)])))\n'
    )
    assert init_detector(tmp_path / 'mine.py', files[1], device='cpu').dataset_meta['palette'] == [(1, 2, 3)]


def test_paths_then_arrays(detector, ours, paths):
    expected = ours(paths[:3], return_datasamples=True)['predictions']
    _assert_same(inference_detector(detector, paths[0]), expected[0])
    for inputs in (paths[:3], [mmcv.imread(path) for path in paths[:3]]):
        for found, sample in zip(inference_detector(detector, inputs), expected, strict=True):
            _assert_same(found, sample)
    _assert_same(inference_detector(detector, mmcv.imread(paths[1])), expected[1])
