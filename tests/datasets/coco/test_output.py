import json
from pathlib import Path

import pytest

from mmtscam.datasets import COCOBoxes
from mmtscam.datasets.coco import COCOOutput, coco_annotation, coco_categories
from mmtscam.datasets.coco.output import _LAYOUTS
from mmtscam.utils.choices import COCO_LAYOUTS

NAMES = ('images/a/one.jpg', 'images/b/one.jpg')


@pytest.fixture
def data(tmp_path):
    """Two images in two folders, a box in the second; returns their names with their paths, and the sections."""
    for number, name in enumerate(NAMES):
        path = tmp_path / 'data' / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes([number]) * 100)

    def sections(first=1, score=0.5):
        return dict(
            info=dict(description='test'),
            categories=coco_categories(['cat', 'dog'], first),
            images=(
                dict(id=5 + number, file_name=name, width=20, height=10, path=str(tmp_path / 'data' / name))
                for number, name in enumerate(NAMES)
            ),
            annotations=[coco_annotation(1, 6, 1, (1, 2, 4, 8), score, first)],
        )

    return [(name, str(tmp_path / 'data' / name)) for name in NAMES], sections


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if not path.is_dir())


@pytest.mark.parametrize('first', [0, 1])
@pytest.mark.parametrize(
    ('layout', 'split', 'expected'),
    [
        ('datumaro', 'val', ['annotations/instances_val.json', *(f'images/val/{name}' for name in NAMES)]),
        (
            'flat',
            'train',
            ['annotations/instances_train.json', *(f'images/train/images__{x}__one.jpg' for x in 'ab')],
        ),
        ('rfdetr', 'val', ['valid/_annotations.coco.json', *(f'valid/{name}' for name in NAMES)]),
        (
            'imagefolder',
            'val',
            [
                'annotations/instances_validation.json',
                *(f'validation/{name}' for name in NAMES),
                'validation/metadata.jsonl',
            ],
        ),
    ],
)
def test_layouts(data, tmp_path, layout, split, expected, first):
    images, sections = data
    output = COCOOutput(tmp_path / 'out', layout, split, first)
    output.check(images)
    output.write(**sections(first))
    assert files(output.out) == expected
    content = json.loads(output.file.read_text())
    assert [entry['id'] for entry in content['categories']] == [first, first + 1]
    assert [sorted(entry) for entry in content['images']] == [['file_name', 'height', 'id', 'width']] * 2
    for entry, name in zip(content['images'], NAMES, strict=True):
        copy = output.images / entry['file_name']
        assert copy.read_bytes() == (tmp_path / 'data' / name).read_bytes()
        # Some readers refuse links, and a program that writes into a copy leaves the user's own image alone.
        assert not copy.is_symlink() and copy.stat().st_nlink == 1
        assert entry['file_name'] == (name.replace('/', '__') if layout == 'flat' else name)
    # Our own reader finds the box, whatever the first id.
    boxes = COCOBoxes(str(output.out), str(output.file), img_prefix=str(output.images.relative_to(output.out)))
    second = output.images / content['images'][1]['file_name']
    assert boxes(str(second), 'dog').tolist() == [[1, 2, 4, 8]]


def test_every_layout_can_be_chosen():
    assert list(COCO_LAYOUTS) == ['plain', *_LAYOUTS]
    with pytest.raises(ValueError, match=r"layout must be one of plain, datumaro, .*, got 'yolo'"):
        COCOOutput('x', 'yolo')
    with pytest.raises(ValueError, match='first_category must be 0 or 1, got 2'):
        COCOOutput('x', first_category=2)


@pytest.mark.parametrize(('score', 'expected'), [(0.5, 0.5), (None, 1.0)])
def test_rows_of_imagefolder_have_the_same_keys(data, tmp_path, score, expected):
    """The reader refuses splits with other keys, here predicted boxes beside true ones."""
    output = COCOOutput(tmp_path / 'out', 'imagefolder', first_category=0)
    output.write(**data[1](0, score))
    rows = [json.loads(line) for line in (output.images / 'metadata.jsonl').read_text().splitlines()]
    assert rows[0] == dict(
        file_name=NAMES[0],
        image_id=5,
        width=20,
        height=10,
        objects=dict(id=[], bbox=[], area=[], category=[], score=[]),
    )
    assert rows[1]['objects'] == dict(id=[1], bbox=[[1, 2, 3, 6]], area=[18], category=[1], score=[expected])


def test_splits_share_a_folder_and_each_is_written_once(data, tmp_path):
    images, sections = data
    for split in ('train', 'test'):
        COCOOutput(tmp_path / 'out', 'datumaro', split).write(**sections())
    assert len(files(tmp_path / 'out')) == 6
    output = COCOOutput(tmp_path / 'out', 'datumaro', 'test')
    with pytest.raises(
        FileExistsError, match=r'annotations/instances_test\.json: is there already; remove it, or name'
    ):
        output.check(images)
    output.file.unlink()
    with pytest.raises(FileExistsError, match=r'images/test: is there already; remove it, or name another folder'):
        output.check(images)


@pytest.mark.parametrize('layout', COCO_LAYOUTS)
def test_a_stream_that_breaks_off_leaves_nothing(data, tmp_path, layout):
    sections = data[1]()

    def images():
        yield from sections['images']
        raise ValueError('broken off')

    out = tmp_path / 'out' / 'x'
    with pytest.raises(ValueError, match='broken off'):
        COCOOutput(out, layout).write(**dict(sections, images=images()))
    assert files(out.parent) == []


def test_images_that_cannot_be_copied_are_named_before_a_run(data, tmp_path):
    images, _ = data
    one = images[0][1]
    (tmp_path / 'file').write_text('')
    flat, datumaro = (COCOOutput(tmp_path / 'out', layout) for layout in ('flat', 'datumaro'))
    for output, rows, message in (
        (
            datumaro,
            [('x.jpg', 'https://a.b/x.jpg')],
            r"https://a\.b/x\.jpg: is no file here, so that layout='datumaro'",
        ),
        (datumaro, [('../x.jpg', one)], r'one\.jpg: lies outside the folder of its data set, so'),
        (datumaro, [(one, one)], r'one\.jpg: lies outside the folder of its data set, so'),
        (flat, [('a/b.jpg', one), ('a__b.jpg', one)], rf'one\.jpg: would be a__b\.jpg, as {one} is, so'),
        (COCOOutput(tmp_path / 'file', 'flat'), images, r'file: names a file; layout='),
        (COCOOutput(tmp_path / 'new.json', 'flat'), images, r'new\.json: names a file; layout='),
    ):
        with pytest.raises(ValueError, match=message):
            output.check(rows)
    # A plain file does not need the images.
    COCOOutput(tmp_path / 'out').check([('x.jpg', 'https://a.b/x.jpg')])


def test_copies_do_not_go_among_the_images(data, tmp_path):
    images, _ = data
    root = tmp_path / 'data'
    for out in (root, root / 'new'):
        with pytest.raises(ValueError, match='lies in the folder of images, which would have each twice; name another'):
            COCOOutput(out, 'rfdetr').check(images, str(root))
    COCOOutput(tmp_path / 'data2', 'rfdetr').check(images, str(root))


def test_parts_lie_apart_from_what_is_written(tmp_path):
    assert COCOOutput(tmp_path / 'a.json').parts == tmp_path / 'a.json.parts'
    assert COCOOutput(tmp_path / 'a', 'rfdetr', 'val').parts == tmp_path / 'a' / 'valid.parts'


@pytest.mark.parametrize('layout', ['datumaro', 'rfdetr', 'imagefolder'])
@pytest.mark.parametrize('name', ['../x.jpg', 'a/../../x.jpg', '/x.jpg'])
def test_no_copy_leaves_its_folder(data, tmp_path, layout, name):
    """Names may come from the parts of a run, which others can write."""
    sections = data[1]()
    name = f'{tmp_path}/x.jpg' if name.startswith('/') else name
    sections['images'] = [dict(each, file_name=name) for each in sections['images']]
    before = files(tmp_path)
    with pytest.raises(ValueError, match='leads out of the folder of the images'):
        COCOOutput(tmp_path / 'out', layout).write(**sections)
    assert files(tmp_path) == before


@pytest.mark.parametrize('layout', COCO_LAYOUTS)
def test_a_place_that_cannot_be_written_is_found_before_a_run(layout):
    with pytest.raises(OSError, match=r'^/proc/out.*: cannot be written \(No such file or directory\)'):
        COCOOutput(Path('/proc/out'), layout).check()
