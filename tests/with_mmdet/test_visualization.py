from pathlib import Path

import compiled_ops  # noqa: F401 - skips this module without them
import cv2
import mmcv
import numpy as np
import pytest
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.runner import Runner

from mmtscam.registry import DATASETS


def test_mmdets_visualizer_takes_our_samples(ours, paths, tiny_config):
    """And draws of them what it draws of its own."""
    dataset = DATASETS.build(tiny_config.test_dataloader.dataset)
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(classes=ours.classes)
    pictures = []
    path = dataset.get_data_info(0)['img_path']
    image = mmcv.imread(path, channel_order='rgb')
    (sample,) = ours(path, return_datasamples=True)['predictions']
    sample.gt_instances = dataset[0]['data_samples'].gt_instances
    theirs = DetDataSample(gt_instances=sample.gt_instances, pred_instances=sample.pred_instances)
    for each in (sample, theirs):
        visualizer.add_datasample('a', image, each, pred_score_thr=0.0)
        pictures.append(visualizer.get_image())
    assert pictures[0].shape == (image.shape[0], 2 * image.shape[1], 3)
    assert np.array_equal(*pictures)
    assert not np.array_equal(pictures[0], np.concatenate([image, image], axis=1))


@pytest.mark.parametrize('visualizer', ['LocVisualizer', 'mmdet.DetLocalVisualizer'])
def test_mmdets_hook(tiny_config, files, visualizer):
    tiny_config.load_from = files[1]
    tiny_config.visualizer = dict(type=visualizer, vis_backends=[dict(type='LocalVisBackend')])
    tiny_config.default_hooks.visualization = dict(
        type='mmdet.DetVisualizationHook', draw=True, interval=1, score_thr=0.0, test_out_dir='pictures'
    )
    Runner.from_cfg(tiny_config).test()
    pictures = sorted(Path(tiny_config.work_dir).glob('*/pictures/*.jpg'))
    dataset = DATASETS.build(tiny_config.test_dataloader.dataset)
    sources = [Path(dataset.get_data_info(index)['img_path']) for index in range(len(dataset))]
    assert [path.name for path in pictures] == sorted(path.name for path in sources)
    shape = cv2.imread(str(pictures[0])).shape
    source = next(path for path in sources if path.name == pictures[0].name)
    height, width, _ = cv2.imread(str(source)).shape
    if visualizer == 'LocVisualizer':
        assert shape[0] > 240 and shape[1] > 5 * 192
    else:
        assert shape == (height, 2 * width, 3)


def test_mmdets_hook_in_validation(tiny_config):
    tiny_config.default_hooks.visualization = dict(type='mmdet.DetVisualizationHook', draw=True, interval=1)
    del tiny_config.default_hooks.checkpoint.save_best  # which asks for a training
    Runner.from_cfg(tiny_config).val()
    assert list(Path(tiny_config.work_dir).rglob('val_img_*.png'))
