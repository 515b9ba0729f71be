import shutil

import pytest

from mmtscam.datasets.preparation import CUB_COUNTS, check_cub

COUNTS = {'training images': 24, 'test images': 16, 'classes': 8, 'boxes': 40}
FIRST = '001.Crested_Zeb/Crested_Zeb_0001.jpg'


@pytest.fixture
def root(sample_set, tmp_path):
    return shutil.copytree(sample_set, tmp_path / 'CUB_200_2011')


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_whole_set(root):
    findings = check_cub(root, expected=COUNTS, decode=True)
    assert findings.counts == COUNTS
    assert (findings.problems, findings.notes) == ([], [])
    assert findings.passes()


def test_part_of_the_real_set(assets):
    findings = check_cub(assets / 'data' / 'CUB_200_2011')
    assert findings.counts == {'training images': 300, 'test images': 243, 'classes': 10, 'boxes': 543}
    assert not findings.passes()
    assert findings.passes(allow_subset=True)
    assert CUB_COUNTS['training images'] + CUB_COUNTS['test images'] == CUB_COUNTS['boxes']


def test_missing_images_are_named(root):
    for number in (1, 2):
        (root / 'images' / '001.Crested_Zeb' / f'Crested_Zeb_000{number}.jpg').unlink()
    findings = check_cub(root, expected=COUNTS, decode=True)
    assert findings.problems == [
        f'2 listed images are not in {root}/images: {FIRST}, {FIRST.replace("0001", "0002")}',
    ]


def test_unreadable_image(root):
    (root / 'images' / FIRST).write_bytes((root / 'images' / FIRST).read_bytes()[:700])
    assert check_cub(root, expected=COUNTS).passes()
    (problem,) = check_cub(root, expected=COUNTS, decode=True).problems
    assert problem.startswith(f'1 images of {root}/images cannot be read: {FIRST} (')


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'problems'),
    [
        (
            'bounding_boxes.txt',
            '\n2 ',
            '\n99 ',
            [
                f'1 images have no row in bounding_boxes.txt: {FIRST.replace("0001", "0002")}',
                '1 rows of bounding_boxes.txt are of no image in images.txt: 99',
            ],
        ),
        ('train_test_split.txt', '40 0\n', '', ['1 images have no row in train_test_split.txt: {last}']),
        (
            'train_test_split.txt',
            '40 0\n',
            '40 01\n',
            ['1 images are neither for training (1) nor for testing (0) in train_test_split.txt: {last}'],
        ),
        (
            'image_class_labels.txt',
            '40 8\n',
            '40 201\n',
            ['1 images have no label from 1 to 200 in image_class_labels.txt: {last}'],
        ),
        (
            'image_class_labels.txt',
            '40 8\n',
            f'40 {"1" * 5000}\n',
            ['1 images have no label from 1 to 200 in image_class_labels.txt: {last}'],
        ),
        (
            'image_class_labels.txt',
            '40 8\n',
            '40 eight\n',
            ['1 images have no label from 1 to 200 in image_class_labels.txt: {last}'],
        ),
    ],
)
def test_rows_that_do_not_fit(root, name, old, new, problems):
    _replace(root / name, old, new)
    last = '008.Visored_Wasp/Visored_Wasp_0005.jpg'
    assert check_cub(root, expected=COUNTS).problems == [problem.format(last=last) for problem in problems]


def test_malformed_rows(root):
    _replace(root / 'image_class_labels.txt', '\n2 1', '\n2')
    with pytest.raises(ValueError, match=f"^{root}/image_class_labels.txt:2: needs an id and a value, got '2'$"):
        check_cub(root)
    _replace(root / 'image_class_labels.txt', '\n2', '\n1 1')
    with pytest.raises(ValueError, match=f'^{root}/image_class_labels.txt:2: a second row for image 1$'):
        check_cub(root)


def test_malformed_box(root):
    lines = (root / 'bounding_boxes.txt').read_text().splitlines()
    (root / 'bounding_boxes.txt').write_text('\n'.join(['1 0 0 -4 9', *lines[1:]]))
    with pytest.raises(ValueError, match=r'bounding_boxes.txt:1: the box is inverted or empty'):
        check_cub(root)


def test_all_missing_text_files_are_named(root):
    (root / 'bounding_boxes.txt').unlink()
    (root / 'images.txt').unlink()
    with pytest.raises(FileNotFoundError, match=f'^{root}: there is no images.txt and no bounding_boxes.txt; unpack'):
        check_cub(root)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none: folder not found; unpack CUB_200_2011.tgz'):
        check_cub(tmp_path / 'none')


def test_a_part_with_a_gap_in_its_classes(root):
    labels = root / 'image_class_labels.txt'
    rows = [row.split() for row in labels.read_text().splitlines()]
    labels.write_text(''.join(f'{key} {9 if value == "8" else value}\n' for key, value in rows))
    findings = check_cub(root, expected=COUNTS)
    assert findings.problems == ['the 8 classes go up to 9: a part must hold the first classes without a gap']
