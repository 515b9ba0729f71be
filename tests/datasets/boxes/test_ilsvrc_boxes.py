import numpy as np
import pytest

from mmtscam.datasets import ILSVRCBoxes
from mmtscam.registry import BOX_READERS


def _xml(*boxes):
    edges = ('xmin', 'ymin', 'xmax', 'ymax')
    objects = (''.join(f'<{edge}>{value}</{edge}>' for edge, value in zip(edges, box, strict=True)) for box in boxes)
    return ''.join(f'<object><name>n1</name><bndbox>{box}</bndbox></object>' for box in objects)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / 'Annotations'
    (folder / 'n01').mkdir(parents=True)
    (folder / 'val_1.xml').write_text(f'<annotation>{_xml((1, 2, 30, 40), (0, 0, 0, 0))}</annotation>')
    (folder / 'n01' / 'n01_18.xml').write_text(f'<annotation>{_xml((5, 6, 7, 8))}</annotation>')
    return tmp_path


@pytest.mark.parametrize('absolute', [False, True])
def test_all_boxes_as_they_stand(root, absolute):
    ann_dir = str(root / 'Annotations') if absolute else 'Annotations'
    boxes = BOX_READERS.build(dict(type='ILSVRCBoxes', data_root=str(root), ann_dir=ann_dir))
    assert boxes(f'{root}/val/val_1.JPEG').tolist() == [[1, 2, 30, 40], [0, 0, 0, 0]]
    assert boxes(f'{root}/train/n01/n01_18.JPEG', 'any').tolist() == [[5, 6, 7, 8]]
    assert boxes(f'{root}/val/val_1.JPEG').dtype == np.float64


def test_the_folder_itself_comes_first(root):
    (root / 'Annotations' / 'n01_18.xml').write_text(f'<annotation>{_xml((1, 1, 1, 1))}</annotation>')
    assert ILSVRCBoxes(str(root), 'Annotations')(f'{root}/train/n01/n01_18.JPEG').tolist() == [[1, 1, 1, 1]]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/nowhere: annotation folder not found'):
        ILSVRCBoxes(str(tmp_path), 'nowhere')


def test_an_image_without_file(root):
    path = f'{root}/train/n02/n02_1.JPEG'
    with pytest.raises(ValueError) as caught:
        ILSVRCBoxes(str(root), 'Annotations')(path)
    folder = root / 'Annotations'
    assert str(caught.value) == (
        f'{folder}: no box for image {path}: there is no {folder}/n02_1.xml and no {folder}/n02/n02_1.xml'
    )


def test_a_file_without_box(root):
    path = root / 'Annotations' / 'val_1.xml'
    path.write_text('<annotation/>')
    assert ILSVRCBoxes(str(root), 'Annotations')(f'{root}/val/val_1.JPEG').shape == (0, 4)
