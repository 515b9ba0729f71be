import numpy as np
import pytest

from mmtscam.datasets import VOCBoxes
from mmtscam.registry import BOX_READERS


def _object(name, difficult, *box):
    corners = ''.join(
        f'<{edge}>{value}</{edge}>' for edge, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True)
    )
    return f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{corners}</bndbox></object>'


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'Annotations').mkdir()
    objects = [
        _object('dog', 0, 1, 1, 500, 375),
        _object('cat', 0, 8, 9, 10, 11.5),
        _object('dog', 1, 2, 2, 3, 3),
        _object('dog', 0, 48, 240, 195, 371),
        _object('bird', 1, 2, 2, 3, 3),
    ]
    (tmp_path / 'Annotations' / '000001.xml').write_text(f'<annotation>{"".join(objects)}</annotation>')
    return tmp_path


def test_boxes_of_the_class_from_zero_without_difficult_ones(root):
    boxes = BOX_READERS.build(dict(type='VOCBoxes', data_root=str(root)))
    path = f'{root}/JPEGImages/000001.jpg'
    assert boxes(path, 'dog').tolist() == [[0, 0, 499, 374], [47, 239, 194, 370]]
    assert boxes(path, 'cat').tolist() == [[7, 8, 9, 10.5]]
    assert boxes(path, 'cat').dtype == np.float64


@pytest.mark.parametrize('class_name', [None, 'cat'])
def test_boxes_of_every_class(root, class_name):
    boxes = VOCBoxes('elsewhere', ann_dir=str(root / 'Annotations'), match_class=False)
    assert boxes('000001.jpg', class_name).tolist() == [[0, 0, 499, 374], [7, 8, 9, 10.5], [47, 239, 194, 370]]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/Annotations: annotation folder not found'):
        VOCBoxes(str(tmp_path))


def test_an_image_without_file(root):
    path = f'{root}/Annotations/000002.xml'
    with pytest.raises(ValueError, match=f'^{root}/Annotations: no box for image 000002.jpg: there is no {path}$'):
        VOCBoxes(str(root))('000002.jpg', 'dog')


@pytest.mark.parametrize('class_name', ['horse', 'bird'])
def test_an_image_without_box_of_its_class(root, class_name):
    with pytest.raises(ValueError) as caught:
        VOCBoxes(str(root))('000001.jpg', class_name)
    assert str(caught.value) == (
        f'{root}/Annotations/000001.xml: no box of class {class_name!r} for image 000001.jpg (its objects are bird, '
        'cat, dog; difficult ones do not count); set match_class=False to take every box'
    )


def test_no_object_at_all(root):
    path = root / 'Annotations' / '000001.xml'
    path.write_text('<annotation/>')
    assert VOCBoxes(str(root), match_class=False)('000001.jpg').shape == (0, 4)
    assert VOCBoxes(str(root))('000001.jpg', 'bird').shape == (0, 4)


def test_no_class_name(root):
    with pytest.raises(ValueError) as caught:
        VOCBoxes(str(root))('000001.jpg')
    assert str(caught.value).startswith(f'{root}/Annotations/000001.xml: the data set has no class names')
    assert 'match_class=False' in str(caught.value)
