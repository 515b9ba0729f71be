import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from mmtscam.datasets.coco import COCOOutput
from mmtscam.pseudo_labels import ImageRow, PartFolder, rows_digest

INFO = dict(description='test', threshold=0.1, protocol=dict(name='tscam', frame=(224, 224)))


def record(number, boxes=1):
    box = [1, 0.5, 1.0, 2.0, 11.0 + number, 22.0]
    return dict(
        id=10 * number,
        name=f'{number}.jpg',
        path=f'/x/{number}.jpg',
        width=100 + number,
        height=50,
        boxes=[box] * boxes,
    )


@pytest.fixture
def folder(tmp_path):
    folder = PartFolder(COCOOutput(tmp_path / 'coco.json'), INFO, num_images=5, part_size=2)
    folder.prepare()
    return folder


def test_parts_cover_all_images_once(folder):
    assert folder.num_parts == 3
    assert [list(folder.images(part)) for part in range(3)] == [[0, 1], [2, 3], [4]]


def test_what_is_written_is_no_longer_missing(folder):
    folder.write(1, [record(2), record(3)])
    assert folder.missing() == [0, 2]
    folder.release()
    again = PartFolder(folder.output, INFO, 5, 2)
    again.prepare()
    assert again.missing() == [0, 2]


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1)])
def test_merged_parts_are_one_coco_file(folder, order):
    records = [record(0), record(1, boxes=2), dict(name='2.jpg', error='2.jpg: broken'), record(3, boxes=0), record(4)]
    for part in order:
        folder.write(part, [records[index] for index in folder.images(part)])
    assert folder.merge(['a', 'b']) == {'images': 4, 'boxes': 4, 'without a box': 1, 'skipped': 1}
    assert not folder.folder.exists()

    coco = COCO(folder.output.file)
    assert [(image['id'], image['file_name']) for image in coco.loadImgs(coco.getImgIds())] == [
        (0, '0.jpg'), (10, '1.jpg'), (30, '3.jpg'), (40, '4.jpg'),
    ]  # fmt: skip
    assert [each['image_id'] for each in coco.loadAnns(coco.getAnnIds())] == [0, 10, 10, 40]
    (last,) = coco.loadAnns(coco.getAnnIds(imgIds=40))
    assert (last['bbox'], last['score'], last['category_id']) == ([1.0, 2.0, 14.0, 20.0], 0.5, 2)
    assert coco.loadCats([2]) == [dict(id=2, name='b')]
    content = json.loads(folder.output.file.read_text())
    assert content['skipped'] == [dict(file_name='2.jpg', error='2.jpg: broken')]
    assert content['info'] == json.loads(json.dumps(INFO))


def test_parts_become_a_layout_with_the_images_that_could_be_read(tmp_path):
    out = tmp_path / 'out'
    folder = PartFolder(COCOOutput(out, 'rfdetr', 'val', first_category=0), INFO, num_images=3, part_size=2)
    folder.prepare()
    for number in (0, 2):
        (tmp_path / f'{number}.jpg').write_text(str(number))
    broken = dict(name='1.jpg', error='1.jpg: broken')
    folder.write(0, [dict(record(0), path=str(tmp_path / '0.jpg')), broken])
    assert folder.missing() == [1]
    folder.write(1, [dict(record(2), path=str(tmp_path / '2.jpg'))])
    assert folder.merge(['a', 'b']) == {'images': 2, 'boxes': 2, 'without a box': 0, 'skipped': 1}
    assert [path.name for path in out.iterdir()] == ['valid']
    assert sorted(path.name for path in (out / 'valid').iterdir()) == ['0.jpg', '2.jpg', '_annotations.coco.json']
    content = json.loads((out / 'valid' / '_annotations.coco.json').read_text())
    assert [each['category_id'] for each in content['annotations']] == [1, 1]
    assert content['skipped'] == [dict(file_name='1.jpg', error='1.jpg: broken')]
    with pytest.raises(FileExistsError, match=r'_annotations\.coco\.json: is there already'):
        folder.prepare()


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(info=dict(INFO, threshold=0.2)), r'another threshold \(0\.1 then, 0\.2 now\)'),
        (dict(num_images=6), r'another num_images \(5 then, 6 now\)'),
        (dict(part_size=3), r'another part_size \(2 then, 3 now\)'),
        (dict(info=dict(INFO, config='a = 1\nb = 2')), r"another config \(None then, 'a = 1\\nb = 2' now\); go on"),
        (dict(private=dict(place='/b')), r"another place \(None then, '/b' now\)"),
    ],
)
def test_parts_of_another_run_are_refused(folder, changes, said):
    folder.release()
    other = PartFolder(folder.output, **{**dict(info=INFO, num_images=5, part_size=2), **changes})
    with pytest.raises(ValueError, match=rf'coco\.json\.parts: holds parts of a run with {said}'):
        other.prepare()


def test_of_long_settings_the_line_that_differs_is_named(tmp_path):
    for text, said in (('a = 1\nb = 2\n', None), ('a = 1\nb = 3\n', r'another config \(b = 2 then, b = 3 now\)')):
        folder = PartFolder(COCOOutput(tmp_path / 'coco.json'), dict(config=text), 5, 2)
        if said:
            with pytest.raises(ValueError, match=said):
                folder.prepare()
        else:
            folder.prepare()
        folder.release()


def test_parts_of_an_unknown_run_are_refused(folder):
    folder.write(0, [record(0), record(1)])
    (folder.folder / 'run.json').write_text('{')
    with pytest.raises(ValueError, match=r'run\.json: not a readable json file; remove the folder'):
        folder.prepare()
    (folder.folder / 'run.json').unlink()
    with pytest.raises(ValueError, match=r'coco\.json\.parts: holds parts of an unknown run; remove the folder'):
        folder.prepare()


@pytest.mark.parametrize('kept', [0, 20, -1, -40])
def test_a_part_that_is_not_whole_is_missing(folder, kept):
    folder.write(0, [record(0), record(1)])
    path = folder.folder / '000000.jsonl'
    path.write_text(path.read_text()[:kept])
    assert folder.missing() == [0, 1, 2]


@pytest.mark.parametrize('place', [0, 30, -70, -2])
def test_a_part_with_a_changed_bit_is_missing(folder, place):
    folder.write(0, [record(0), record(1)])
    path = folder.folder / '000000.jsonl'
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert folder.missing() == [0, 1, 2]


def test_another_run_is_refused_until_the_first_has_written_its_file(folder):
    other = PartFolder(folder.output, INFO, 5, 2)
    with pytest.raises(BlockingIOError, match=r'coco\.json\.parts: another run writes there'):
        other.prepare()
    for part in range(3):
        folder.write(part, [record(index) for index in folder.images(part)])
    folder.merge(['a', 'b'])
    with pytest.raises(FileExistsError):
        other.prepare()


def test_nothing_is_written_where_no_image_could_be_read(folder):
    for part in range(3):
        folder.write(part, [dict(name='a.jpg', error=f'{index}.jpg: broken') for index in folder.images(part)])
    with pytest.raises(ValueError, match=r'coco\.json: none of 5 images could be read: 0\.jpg: broken'):
        folder.merge(['a'])
    assert not folder.output.file.exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / 'coco.json').write_text('{}')
    with pytest.raises(FileExistsError, match=r'coco\.json: is there already; remove it'):
        PartFolder(COCOOutput(tmp_path / 'coco.json'), INFO, 5, 2).prepare()
    assert [path.name for path in tmp_path.iterdir()] == ['coco.json']


def test_the_digest_tells_names_and_labels_apart():
    rows = [ImageRow('/x/a.jpg', 'a.jpg', 1, 0), ImageRow('/x/b.jpg', 'b.jpg', None, 1)]
    assert rows_digest(rows) == rows_digest([row._replace(path='elsewhere') for row in rows])
    assert len({rows_digest(each) for each in (rows, rows[::-1], rows[:1], [rows[0]._replace(label=2), rows[1]])}) == 4


@pytest.mark.parametrize(
    ('label', 'said'),
    [
        (None, r'a\.jpg: has no one class, but None; label what is predicted'),
        ([1, 2], r'a\.jpg: has no one class, but \[1, 2\]'),
        (8, r'a\.jpg: its label 8 is outside the 8 classes of the head'),
    ],
)
def test_labels_that_are_wanted_are_checked(label, said):
    row = ImageRow('a.jpg', 'a.jpg', label, 0)
    rows_digest([row])
    with pytest.raises(ValueError, match=said):
        rows_digest([row], 8)
    assert rows_digest([row._replace(label=np.int64(7))], 8)


@pytest.mark.parametrize(
    'changes',
    [
        dict(boxes=None),
        dict(boxes=[[1, 0.5, 1, 2, 3]]),
        dict(boxes=[[1, 0.5, 1, 2, 3, 'a']]),
        dict(boxes=[[1, float('nan'), 1, 2, 3, 4]]),
        dict(width='100'),
        dict(name=3),
        dict(id=None),
    ],
)
def test_a_damaged_record_is_named(folder, changes):
    for part in range(3):
        folder.write(part, [record(number) for number in folder.images(part)])
    broken = [record(2), {**record(3), **changes}]
    folder.write(1, broken)
    (key,) = changes
    with pytest.raises(ValueError, match=rf'000001\.jsonl:2: the {key} is missing or damaged; remove the file'):
        folder.merge(('a', 'b'))
    assert folder.missing() == [] and not folder.output.file.exists()


def test_lines_that_are_no_records(folder):
    for part in range(3):
        folder.write(part, [record(number) for number in folder.images(part)])
    file = folder.folder / '000001.jsonl'
    good = file.read_bytes().splitlines()[0]
    for line in (b'{', b'\xff', b'[]', b'[' * 100_000 + b']' * 100_000):
        file.write_bytes(good + b'\n' + line + b'\n')
        with pytest.raises(ValueError, match=r'000001\.jsonl:2: '):
            folder.merge(('a', 'b'))


def test_a_run_that_is_no_run(folder):
    (folder.folder / 'run.json').write_text('[]')
    with pytest.raises(ValueError, match=r'run\.json: names no run; remove the folder to begin anew'):
        folder.prepare()
