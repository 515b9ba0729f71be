import shutil

import pytest
from layouts import make_ilsvrc
from mmpretrain.datasets import ImageNet

from mmtscam.datasets.preparation import ILSVRC_COUNTS, check_ilsvrc

COUNTS = dict(zip(ILSVRC_COUNTS, (6, 3, 3, 3), strict=True))
VAL = 'ILSVRC2012_val_0000000'


@pytest.fixture
def root(tmp_path):
    return make_ilsvrc(tmp_path / 'imagenet')


@pytest.fixture
def images(root):
    return root / 'ILSVRC' / 'Data' / 'CLS-LOC'


@pytest.fixture
def xml(root):
    return root / 'ILSVRC' / 'Annotations' / 'CLS-LOC' / 'val'


@pytest.mark.parametrize('source', ['xml', 'csv'])
def test_lists_have_the_labels_of_sorted_classes(root, xml, source):
    shutil.rmtree(xml) if source == 'csv' else (root / 'LOC_val_solution.csv').unlink()
    findings, lists = check_ilsvrc(root, expected=COUNTS)
    assert findings.passes()
    assert findings.counts == COUNTS
    assert (findings.problems, findings.notes) == ([], [])
    assert lists == {
        'meta/train.txt': (
            'n01440764/n01440764_10.JPEG 0\nn01440764/n01440764_7.JPEG 0\n'
            'n02000001/n02000001_10.JPEG 1\nn02000001/n02000001_7.JPEG 1\n'
            'n03000002/n03000002_10.JPEG 2\nn03000002/n03000002_7.JPEG 2\n'
        ),
        'meta/val.txt': f'{VAL}1.JPEG 2\n{VAL}2.JPEG 0\n{VAL}3.JPEG 1\n',
    }


def test_labels_are_those_that_mmpretrain_gives_the_folders(root):
    _, lists = check_ilsvrc(root)
    loaded = ImageNet(
        data_root=str(root), data_prefix='ILSVRC/Data/CLS-LOC/train', metainfo=dict(classes=('a', 'b', 'c'))
    )
    prefix = f'{root}/ILSVRC/Data/CLS-LOC/train/'
    infos = [loaded.get_data_info(index) for index in range(len(loaded))]
    assert lists['meta/train.txt'].splitlines() == [
        f'{info["img_path"].removeprefix(prefix)} {info["gt_label"]}' for info in infos
    ]


def test_the_published_numbers(root):
    findings, _ = check_ilsvrc(root)
    assert not findings.passes()
    assert findings.passes(allow_subset=True)
    assert 'training images: 6 (should be 1,281,167)' in findings.text()


def test_missing_images_are_named_from_the_lists(root, images):
    (images / 'train' / 'n01440764' / 'n01440764_7.JPEG').unlink()
    (images / 'val' / f'{VAL}2.JPEG').unlink()
    lists = root / 'ILSVRC' / 'ImageSets' / 'CLS-LOC'
    findings, _ = check_ilsvrc(root)
    assert findings.problems == [
        f'1 images of {lists}/train_cls.txt are not there: n01440764/n01440764_7',
        f'1 images of {lists}/val.txt are not there: {VAL}2',
        f'1 images with boxes are not in {images}/val: {VAL}2',
    ]
    shutil.rmtree(lists)
    findings, _ = check_ilsvrc(root)
    assert len(findings.problems) == 1
    assert findings.counts['training images'] == 5


def test_image_without_boxes(root, xml):
    (xml / f'{VAL}1.xml').unlink()
    (xml / f'{VAL}3.xml').write_text('<annotation></annotation>')
    findings, lists = check_ilsvrc(root)
    assert findings.problems == [f'2 validation images have no box in {xml}: {VAL}1, {VAL}3']
    assert findings.counts['validation images with boxes'] == 1
    assert lists['meta/val.txt'] == f'{VAL}2.JPEG 0\n'


def test_broken_boxes(root, xml):
    (xml / f'{VAL}1.xml').write_text('<annotation>')
    findings, _ = check_ilsvrc(root)
    assert f'1 XML files cannot be read: {xml}/{VAL}1.xml: not a readable XML file' in findings.problems[0]
    shutil.rmtree(xml)
    (root / 'LOC_val_solution.csv').write_text('ImageId,PredictionString\na,n01440764 1 2 3\n')
    with pytest.raises(ValueError, match=r'LOC_val_solution.csv:2: needs groups of class x1 y1 x2 y2'):
        check_ilsvrc(root)


def test_class_without_training_images(root, images):
    shutil.rmtree(images / 'train' / 'n02000001')
    (images / 'train' / 'n02000009').mkdir()
    shutil.rmtree(root / 'ILSVRC' / 'ImageSets')
    findings, _ = check_ilsvrc(root)
    assert findings.problems == [
        f'1 classes of {images}/train have no image: n02000009',
        f'1 validation images are of a class without folder in {images}/train: {VAL}3 (n02000001)',
    ]


def test_boxes_of_several_classes_are_noted(root, xml):
    path = xml / f'{VAL}1.xml'
    text = path.read_text()
    path.write_text(text[::-1].replace('n03000002'[::-1], 'n01440764'[::-1], 1)[::-1])
    findings, lists = check_ilsvrc(root, expected=COUNTS)
    assert findings.passes()
    assert findings.notes == [f"1 validation images have boxes of several classes: {VAL}1; the first one's is taken"]
    assert f'{VAL}1.JPEG 2\n' in lists['meta/val.txt']


def test_what_is_no_image_or_class_is_left_out(root, images):
    (images / 'train' / 'n01440764.tar').touch()
    (images / 'train' / 'n01440764' / '._n01440764_7.JPEG').touch()
    (images / 'val' / 'Thumbs.db').touch()
    findings, _ = check_ilsvrc(root, expected=COUNTS)
    assert findings.passes()
    assert findings.notes == [
        f'1 entries of {images}/train are not used: no folders of a class, as n01440764: n01440764.tar'
    ]


def test_missing_folders_and_boxes(root, images, xml):
    shutil.rmtree(xml)
    (root / 'LOC_val_solution.csv').unlink()
    with pytest.raises(FileNotFoundError, match=f'there is neither {xml} nor {root}/LOC_val_solution.csv'):
        check_ilsvrc(root)
    shutil.rmtree(images / 'val')
    with pytest.raises(FileNotFoundError, match=f'^{images}/val: folder not found; unpack the archive so that there'):
        check_ilsvrc(root)


def test_validation_images_alone(root, images):
    shutil.rmtree(images / 'train')
    findings, lists = check_ilsvrc(root, expected=COUNTS)
    assert lists == {'meta/val.txt': f'{VAL}1.JPEG 2\n{VAL}2.JPEG 0\n{VAL}3.JPEG 1\n'}
    assert findings.counts == {**COUNTS, 'training images': 0}
    assert not findings.passes()
    assert findings.passes(allow_subset=True)
    assert findings.notes == ['no training images: enough for evaluation']


def test_validation_images_alone_of_some_classes(root, images, xml):
    """Labels follow the sorted names of all classes: with some alone they would be other ones."""
    shutil.rmtree(images / 'train')
    (xml / f'{VAL}3.xml').unlink()
    findings, _ = check_ilsvrc(root, expected=COUNTS)
    assert not findings.passes(allow_subset=True)
    assert 'no training images, and boxes of 2 classes only' in findings.problems[0]


def test_validation_images_in_folders_of_their_classes(root, images):
    shutil.rmtree(images / 'train')
    (images / 'val' / 'n02000001').mkdir()
    (images / 'val' / f'{VAL}3.JPEG').rename(images / 'val' / 'n02000001' / f'{VAL}3.JPEG')
    findings, _ = check_ilsvrc(root, expected=COUNTS)
    assert 'side by side, not in folders of their classes' in findings.text()
