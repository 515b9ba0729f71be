import json
import re

import cv2
import numpy as np
import pytest
from layouts import make_image_folders, spoil
from PIL import Image

from mmtscam.datasets import WSOLDataset
from mmtscam.datasets.preparation import check_image_folders
from mmtscam.utils.images import IMAGE_ENDINGS

COUNTS = {'train images': 4, 'test images': 2, 'classes': 2}


@pytest.fixture
def root(tmp_path):
    return make_image_folders(tmp_path / 'pets')


@pytest.fixture
def boxes(root):
    return root / 'annotations' / 'test.json'


def _change(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_whole_set(root, boxes):
    findings = check_image_folders(root, [boxes])
    assert findings.passes()
    assert findings.counts == {**COUNTS, f'test images with a box in {boxes}': 2}
    assert findings.notes == []


def test_it_counts_what_training_loads(root):
    for path in ('train/cat/a.docx', 'train/dog/.hidden.jpg', 'test/loose.jpg'):
        (root / path).write_bytes((root / 'test' / 'cat' / '3.jpg').read_bytes())
    findings = check_image_folders(root)
    assert findings.counts == COUNTS
    for split in ('train', 'test'):
        dataset = dict(type='mmpretrain.CustomDataset', data_root=str(root), data_prefix=split)
        assert len(WSOLDataset(dataset=dataset)) == COUNTS[f'{split} images']
    assert findings.passes()
    assert findings.notes == [
        '2 files are not used: train/cat/a.docx, train/dog/.hidden.jpg; images end in ' + ', '.join(IMAGE_ENDINGS),
        '1 files lie in no class folder and are not used: test/loose.jpg',
    ]


def test_every_ending_is_an_image_to_check_and_training(root):
    for number, ending in enumerate(IMAGE_ENDINGS):
        Image.new('RGB', (8, 8)).save(root / 'train' / 'cat' / f'{number}{ending.upper()}')
    findings = check_image_folders(root)
    assert findings.passes()
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(root), data_prefix='train')
    assert len(WSOLDataset(dataset=dataset)) == findings.counts['train images'] == 4 + len(IMAGE_ENDINGS)
    assert not findings.notes
    wanted = {**dataset, 'extensions': ('.png',)}
    assert len(WSOLDataset(dataset=wanted)) == 1


def test_classes_that_differ(root):
    (root / 'test' / 'dog').rename(root / 'test' / 'Dog')
    advice = 'labels count the sorted folders: both splits must have the same'
    findings = check_image_folders(root)
    assert findings.problems == [
        f'1 classes are in train but not in test: dog; {advice}',
        f'1 classes are in test but not in train: Dog; {advice}',
    ]
    assert findings.counts['classes'] == 3


def test_empty_and_hidden_class(root):
    (root / 'test' / 'cat' / '3.jpg').rename(root / 'test' / 'cat' / '3.docx')
    (root / 'train' / '.ipynb_checkpoints').mkdir()
    problems = check_image_folders(root).problems
    assert problems[0] == '1 hidden folders of train would be taken for classes: .ipynb_checkpoints; remove them'
    assert '1 folders of test have no image: cat; images end in .jpg,' in '\n'.join(problems)


def test_unreadable_images(root):
    spoil(root / 'train' / 'dog' / '1.jpg')
    (root / 'test' / 'cat' / '3.jpg').write_text('no image')
    (problem,) = check_image_folders(root).problems
    assert re.fullmatch(r'2 images cannot be read: train/dog/1\.jpg \(\w.*\), test/cat/3\.jpg \(cannot .*\)', problem)


def test_pixels_of_more_than_8_bits(root):
    """Those that the reader brings to 8 bits are remarked, and those that it refuses in training are refused here."""
    folder = root / 'train' / 'cat'
    grey = np.arange(64, dtype=np.uint16).reshape(8, 8) * 60
    cv2.imwrite(str(folder / 'twelve.png'), grey)
    Image.fromarray(grey.astype(np.float32)).save(folder / 'depth.tif')
    findings = check_image_folders(root)
    assert findings.problems == [
        '1 images cannot be read: train/cat/depth.tif (its pixels are floating-point numbers, of which white is not '
        'known: save it with 8 bits)'
    ]
    assert findings.notes == [
        '1 images have 16 bits a grey value or colour: train/cat/twelve.png; their largest value says how many of 8 '
        'to 16 bits count, and 8 are kept: save them with 8 to choose yourself'
    ]
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(root), data_prefix='train')
    with pytest.raises(ValueError, match=r'train/cat/depth\.tif: cannot be read as an image: its pixels are floating'):
        WSOLDataset(dataset=dataset)


def test_image_without_entry(root, boxes):
    _change(boxes, lambda data: data['images'][0].update(file_name='test/dog/3.jpg'))
    _change(boxes, lambda data: data['images'].pop())
    _change(boxes, lambda data: data['annotations'].pop())
    findings = check_image_folders(root, [boxes])
    assert findings.problems == [
        f'2 test images are not listed in {boxes}: test/cat/3.jpg, test/dog/3.jpg; images are named relative to '
        f'{root}/test there; the first is test/dog/3.jpg'
    ]
    assert findings.counts[f'test images with a box in {boxes}'] == 0


def test_a_class_without_an_object(root, boxes):
    def change(data):
        data['annotations'] = [each for each in data['annotations'] if each['category_id'] != 1]
        data['categories'] = [each for each in data['categories'] if each['id'] != 1]

    (name,) = (each['name'] for each in json.loads(boxes.read_text())['categories'] if each['id'] == 1)
    _change(boxes, change)
    findings = check_image_folders(root, [boxes])
    assert findings.passes()
    assert findings.notes == [
        f'1 test images show no object, for {boxes} lists them without a box: test/{name}/3.jpg; they count for '
        'classification, not for localization'
    ]
    assert findings.counts[f'test images with a box in {boxes}'] == 1
    _change(boxes, lambda data: data['annotations'].clear())
    assert check_image_folders(root, [boxes]).problems[-1] == (
        f'{boxes}: no test image has a box, so localization cannot be measured'
    )


def test_names_relative_to_the_root(root, boxes):
    def change(data):
        for image in data['images']:
            image['file_name'] = f'test/{image["file_name"]}'

    _change(boxes, change)
    assert check_image_folders(root, [boxes], img_prefix='').passes()


def test_crowd_and_malformed_boxes(root, boxes):
    _change(boxes, lambda data: data['annotations'][0].update(iscrowd=1))
    _change(boxes, lambda data: data['annotations'][1].update(bbox=[1, 2, 0, 4]))
    (problem,) = check_image_folders(root, [boxes]).problems
    assert problem.startswith('2 test images have no proper box: ')
    assert f'annotations[1]: the box is inverted or empty: width 0, height 4, {boxes}: no box of class' in problem


def test_categories_that_differ(root, boxes):
    _change(boxes, lambda data: data['categories'][1].update(name='Dog'))
    findings = check_image_folders(root, [boxes])
    assert findings.problems == [f'1 classes are no category of {boxes}: dog; its categories are Dog, cat']
    assert findings.notes == [f'1 categories of {boxes} are no class: Dog']


def test_every_box_file_is_checked(root, boxes):
    second = boxes.with_name('second.json')
    second.write_text(boxes.read_text())
    _change(second, lambda data: data['annotations'].pop())
    findings = check_image_folders(root, [boxes, second])
    assert [findings.counts[f'test images with a box in {path}'] for path in (boxes, second)] == [2, 1]
    assert len(findings.notes) == 1


def test_missing_files(root, boxes):
    with pytest.raises(FileNotFoundError, match=r'none.json: annotation file not found'):
        check_image_folders(root, [boxes.with_name('none.json')])
    boxes.write_text('[')
    with pytest.raises(ValueError, match=f'^{boxes}: not a readable json file'):
        check_image_folders(root, [boxes])
    with pytest.raises(FileNotFoundError, match=f'^{root}/test/train: folder not found; the images lie in .*/CLASS/'):
        check_image_folders(root / 'test')


def test_a_box_outside_its_image(root, boxes):
    _change(boxes, lambda data: data['annotations'][0].update(bbox=[30, 2, 10, 5]))
    (problem,) = check_image_folders(root, [boxes]).problems
    assert f'{boxes}: the box from (30, 2) to (40, 7) lies outside {root}/test/dog/3.jpg of 30x20' in problem


def test_an_image_of_another_size_than_annotated(root, boxes):
    _change(boxes, lambda data: data['images'][0].update(width=15, height=10))
    _change(boxes, lambda data: data['images'][1].update(width=30, height=20))
    findings = check_image_folders(root, [boxes])
    (problem,) = findings.problems
    assert problem.startswith(
        f'1 test images have another size than {boxes} says: test/dog/3.jpg (30x20, there 15x10); scale the boxes to '
    )
    assert findings.counts[f'test images with a box in {boxes}'] == 1
    _change(boxes, lambda data: data['images'][0].update(width=0, height=0))
    assert check_image_folders(root, [boxes]).passes()


def test_a_split_without_classes(tmp_path):
    for split in ('train', 'test'):
        (tmp_path / split).mkdir()
    findings = check_image_folders(tmp_path)
    assert findings.counts == {'train images': 0, 'test images': 0, 'classes': 0}
    assert findings.problems == [
        f'{split} has no folder of a class: the images lie in {tmp_path}/{split}/CLASS/NAME.jpg'
        for split in ('train', 'test')
    ]


def test_photographs_on_their_side_are_remarked(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (8, 6)).save(root / 'train' / 'cat' / 'phone.jpg', exif=exif)
    Image.new('RGB', (8, 6)).save(root / 'train' / 'cat' / 'scan.tif', exif=exif)
    findings = check_image_folders(root)
    assert findings.passes()
    assert findings.notes == [
        '1 images are to be turned by their EXIF orientation: train/cat/phone.jpg; training and tests see them as they '
        'lie, inferencer and pseudo labels upright: turn the files themselves'
    ]
