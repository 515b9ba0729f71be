import inspect

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from tiny_fonts import make_font

from mmtscam.registry import VISUALIZERS
from mmtscam.structures import LocDataSample, MapKind
from mmtscam.visualization import LocVisualizer, draw_panels


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)


@pytest.fixture
def sample():
    sample = LocDataSample().set_gt_label(0).set_pred_label(1).set_pred_score(torch.tensor([0.3, 0.7]))
    sample.pred_instances = InstanceData(bboxes=torch.tensor([[10.0, 10, 90, 90]]), labels=torch.tensor([1]))
    maps = torch.rand(1, 14, 14)
    drawn = dict(map_kind='coupled', map_kinds=(MapKind('coupled', 'coupled map'),), threshold=0.1)
    sample.class_maps = InstanceData(labels=torch.tensor([1]), maps=maps, coupled=maps, metainfo=drawn)
    return sample


def _read(path):
    return cv2.imread(str(path))[..., ::-1]


def _shown(picture):
    """The picture as mmengine gives it back; Matplotlib before 3.11 does not keep its pixels."""
    visualizer = Visualizer()
    visualizer.set_image(picture)
    return visualizer.get_image()


def test_writes_the_panels_into_the_file(tmp_path, image, sample):
    out_file = tmp_path / 'new' / 'folder' / 'picture.png'
    visualizer = LocVisualizer()
    visualizer.add_datasample('a', image, sample, out_file=str(out_file))
    assert np.array_equal(_read(out_file), draw_panels(image, sample))
    assert np.array_equal(visualizer.get_image(), _shown(draw_panels(image, sample)))


def test_arguments_are_those_of_mmdets_visualizers(tmp_path, image, sample):
    theirs = inspect.signature(LocVisualizer.add_datasample).parameters
    assert list(theirs)[-4:] == ['wait_time', 'out_file', 'pred_score_thr', 'step']
    visualizer = LocVisualizer()
    for thr in (0.5, 0.8):
        visualizer.add_datasample('a', image, sample, True, True, False, 0, str(tmp_path / 'a.png'), thr, 1)
        assert np.array_equal(visualizer.get_image(), _shown(draw_panels(image, sample, pred_score_thr=thr)))
    assert not np.array_equal(visualizer.get_image(), _shown(draw_panels(image, sample)))


def test_a_file_name_without_a_folder(tmp_path, image, sample, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LocVisualizer().add_datasample('a', image, sample, out_file='picture.png')
    assert np.array_equal(_read(tmp_path / 'picture.png'), draw_panels(image, sample))


def test_classes_of_the_data_set(tmp_path, image, sample):
    visualizer = LocVisualizer()
    visualizer.dataset_meta = dict(classes=('Grebe', 'Tern'))
    visualizer.add_datasample('a', image, sample, out_file=str(tmp_path / 'a.png'))
    picture = _read(tmp_path / 'a.png')
    assert np.array_equal(picture, draw_panels(image, sample, ('Grebe', 'Tern')))
    assert not np.array_equal(picture, draw_panels(image, sample))


def test_the_font_of_names(tmp_path, image, sample, bare_fonts):
    make_font(bare_fonts / 'mine.ttf', 'Tern燕鸥', 'My Font')
    pictures = []
    for classes, kwargs in ((('', '燕鸥'), {}), (('', 'Tern'), {}), (('', 'Tern'), dict(font='MyFont'))):
        visualizer = VISUALIZERS.build(dict(type='LocVisualizer', name=str(kwargs), **kwargs))
        visualizer.dataset_meta = dict(classes=classes)
        visualizer.add_datasample('a', image, sample, out_file=str(tmp_path / 'a.png'))
        pictures.append(_read(tmp_path / 'a.png'))
        assert np.array_equal(pictures[-1], draw_panels(image, sample, classes, **kwargs))
    assert not np.array_equal(pictures[1], pictures[2])
    with pytest.raises(ValueError, match=r"font 'My Fond': neither a font file .*; did you mean My Font"):
        LocVisualizer(font='My Fond')


def test_back_ends_get_the_picture_where_no_file_is_named(tmp_path, image, sample):
    visualizer = LocVisualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    visualizer.add_datasample('first', image, sample, step=3)
    (written,) = tmp_path.rglob('*.png')
    assert written.name == 'first_3.png'
    assert np.array_equal(_read(written), draw_panels(image, sample))


def test_back_ends_get_nothing_where_a_file_is_named(tmp_path, image, sample):
    visualizer = LocVisualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path / 'vis'))
    visualizer.add_datasample('first', image, sample, out_file=str(tmp_path / 'out.png'))
    assert [path.name for path in tmp_path.rglob('*.png')] == ['out.png']


def test_built_by_the_registry():
    visualizer = VISUALIZERS.build(dict(type='LocVisualizer', name='pictures'))
    assert type(visualizer) is LocVisualizer
    assert Visualizer.get_instance('pictures') is visualizer
    for kind in (Visualizer, LocVisualizer):
        kind._instance_dict.pop('pictures')


def test_a_file_that_is_a_folder(tmp_path, image, sample):
    (tmp_path / 'taken.png').mkdir()
    with pytest.raises(OSError, match=r'taken\.png: the picture cannot be written'):
        LocVisualizer().add_datasample('a', image, sample, out_file=str(tmp_path / 'taken.png'))


def test_a_folder_that_is_a_file(tmp_path, image, sample):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        LocVisualizer().add_datasample('a', image, sample, out_file=str(tmp_path / 'file' / 'a.png'))


@pytest.mark.parametrize('name', ['picture', 'picture.nosuchformat'])
def test_a_file_of_no_known_format(tmp_path, image, sample, name):
    with pytest.raises(OSError, match=name):
        LocVisualizer().add_datasample('a', image, sample, out_file=str(tmp_path / name))
