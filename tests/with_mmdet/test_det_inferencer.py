import copy
import json

import compiled_ops  # noqa: F401 - skips this module without them
import mmcv
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from PIL import Image

from mmtscam.apis import LocInferencer
from mmtscam.models.heads import PendingSamples
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample
from mmtscam.visualization import LocVisualizer, draw_panels


@pytest.fixture
def theirs(files):
    return DetInferencer(*files, device='cpu', scope='mmtscam', show_progress=False)


def _read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB'))


def _assert_same(found, sample):
    """mmdet's plain values are what our sample has."""
    boxes = sample.pred_instances
    assert found['labels'] == boxes.labels.tolist()
    np.testing.assert_allclose(found['scores'], boxes.scores, atol=1e-6)
    np.testing.assert_allclose(found['bboxes'], boxes.bboxes, atol=1e-4)


def test_paths(theirs, ours, paths):
    expected = ours(paths, return_datasamples=True)['predictions']
    assert len({tuple(sample.pred_instances.bboxes[0].tolist()) for sample in expected}) > 1
    for inputs, samples in ((paths[0], expected[:1]), (paths, expected)):
        found = theirs(inputs, batch_size=3)
        assert not found['visualization']
        for each, sample in zip(found['predictions'], samples, strict=True):
            _assert_same(each, sample)


def test_a_folder_and_its_files(theirs, ours, paths, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for number, path in enumerate(paths[:3]):
        (folder / f'{number}.jpg').symlink_to(path)
    theirs(str(folder), out_dir=str(tmp_path / 'out'), no_save_pred=False, pred_score_thr=0.0, batch_size=2)
    written = {str(path.relative_to(tmp_path / 'out')) for path in (tmp_path / 'out').rglob('*.*')}
    assert written == {
        f'{kind}/{number}.{end}' for number in range(3) for kind, end in (('vis', 'jpg'), ('preds', 'json'))
    }
    for number, path in enumerate(paths[:3]):
        (sample,) = ours(path, return_datasamples=True)['predictions']
        _assert_same(json.loads((tmp_path / f'out/preds/{number}.json').read_text()), sample)
        picture = _read(tmp_path / f'out/vis/{number}.jpg').astype(int)
        assert np.abs(picture - draw_panels(_read(path), sample, ours.classes)).mean() < 4


def test_arrays(theirs, ours, paths, tmp_path):
    """In BGR, as mmcv reads them; pictures and predictions are numbered."""
    arrays = [mmcv.imread(path) for path in paths[:3]]
    found = theirs(arrays, batch_size=2, out_dir=str(tmp_path), no_save_pred=False)
    samples = ours(paths[:3], return_datasamples=True)['predictions']
    for number, (each, sample) in enumerate(zip(found['predictions'], samples, strict=True)):
        _assert_same(each, sample)
        assert json.loads((tmp_path / f'preds/{number}.json').read_text()) == each
    assert sorted(path.name for path in (tmp_path / 'vis').iterdir()) == [f'0000000{number}.jpg' for number in range(3)]
    _assert_same(theirs(arrays[1])['predictions'][0], samples[1])
    _assert_same(theirs(paths[1])['predictions'][0], samples[1])  # a path after arrays


def test_pictures_are_ours_with_mmdets_threshold(theirs, ours, paths):
    assert type(theirs.visualizer) is LocVisualizer
    (sample,) = ours(paths[0], return_datasamples=True)['predictions']
    score = float(sample.pred_score.max())
    pictures = []
    for thr in (score - 0.01, score + 0.01):
        pictures += theirs(paths[0], return_vis=True, pred_score_thr=thr)['visualization']
        image = mmcv.imread(paths[0], channel_order='rgb')  # as mmdet reads it
        assert np.array_equal(pictures[-1], draw_panels(image, sample, ours.classes, pred_score_thr=thr))
    assert not np.array_equal(*pictures)


def test_samples_and_printing(theirs, paths, capsys):
    (sample,) = theirs(paths[0], return_datasamples=True, print_result=True)['predictions']
    assert type(sample) is LocDataSample
    assert sample.class_maps.maps.shape == (5, 10, 10)
    assert capsys.readouterr().out.startswith("{'predictions': [<LocDataSample(")
    assert isinstance(theirs.forward(next(iter(theirs.preprocess([paths[0]])))[1]), PendingSamples)


def test_mmdets_visualizer(files, paths):
    cfg = Config.fromfile(files[0])
    cfg.visualizer = dict(type='mmdet.DetLocalVisualizer')
    inferencer = DetInferencer(cfg, files[1], device='cpu', scope='mmtscam', show_progress=False)
    image = mmcv.imread(paths[0], channel_order='rgb')
    (all_boxes,), (none,) = (
        inferencer(paths[0], return_vis=True, pred_score_thr=thr)['visualization'] for thr in (0.0, 1.0)
    )
    assert np.array_equal(none, image)
    assert all_boxes.shape == image.shape and not np.array_equal(all_boxes, image)


def test_weights_alone(files, paths, theirs, tmp_path):
    """The config is in the checkpoint, as a run leaves it."""
    content = torch.load(files[1])
    content['message_hub'] = dict(runtime_info=dict(cfg=Config.fromfile(files[0]).pretty_text))
    torch.save(content, tmp_path / 'whole.pth')
    alone = DetInferencer(weights=str(tmp_path / 'whole.pth'), device='cpu', scope='mmtscam', show_progress=False)
    assert alone(paths[0])['predictions'] == theirs(paths[0])['predictions']


def test_real_images_and_weights(assets, repo, tmp_path):
    """DeiT-Tiny on birds, with a config as it is."""
    golden = np.load(assets / 'golden' / 'tscam_model.npz')
    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub_released.py')
    cfg.model.head.num_classes = 10
    cfg.model.backbone.init_cfg.checkpoint = str(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')
    model = MODELS.build(copy.deepcopy(cfg.model))
    model.init_weights()
    state = model.state_dict()
    state['head.conv.weight'] = torch.from_numpy(golden['head_weight'])
    state['head.conv.bias'] = torch.from_numpy(golden['head_bias'])
    torch.save(dict(state_dict=state), tmp_path / 'birds.pth')
    birds = sorted(map(str, (assets / 'data' / 'CUB_200_2011' / 'images').glob('*/*.jpg')))[::100]
    assert len(birds) >= 3
    theirs = DetInferencer(cfg, str(tmp_path / 'birds.pth'), device='cpu', scope='mmtscam', show_progress=False)
    ours = LocInferencer(cfg, str(tmp_path / 'birds.pth'), device='cpu', show_progress=False)
    samples = ours(birds, return_datasamples=True)['predictions']
    for found, sample in zip(theirs(birds, batch_size=2)['predictions'], samples, strict=True):
        _assert_same(found, sample)
