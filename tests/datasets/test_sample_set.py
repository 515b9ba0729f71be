import numpy as np
import pytest
from mmpretrain.datasets import CUB
from PIL import Image

from mmtscam.datasets import SAMPLE_CLASSES, CUBBoxes, make_sample_set, sample_set
from mmtscam.datasets.sample_set import draw_creature


def _files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob('*')) if path.is_file()}


def test_two_generations_are_identical(tmp_path):
    first = make_sample_set(tmp_path / 'one', per_class=(1, 1))
    second = make_sample_set(tmp_path / 'two' / 'deep', per_class=(1, 1))
    assert first == tmp_path / 'one'
    assert _files(first) == _files(second)
    assert len(_files(first)) == 16 + 6


def test_the_seed_changes_the_pictures(tmp_path):
    images = [_files(make_sample_set(tmp_path / str(seed), (1, 0), seed) / 'images') for seed in (0, 1)]
    assert images[0].keys() == images[1].keys()
    assert all(images[0][name] != images[1][name] for name in images[0])


def test_more_images_do_not_change_the_first(tmp_path):
    few, more = (_files(make_sample_set(tmp_path / str(size), (size, 1)) / 'images') for size in (1, 2))
    assert len(more) == len(few) + 8
    assert all(more[name] == few[name] for name in few)


def test_loads_as_cub(sample_set):
    for split, size in (('train', 3), ('test', 2)):
        dataset = CUB(data_root=str(sample_set), split=split, metainfo=dict(classes=SAMPLE_CLASSES))
        assert len(dataset) == 8 * size
        assert np.bincount(dataset.get_gt_labels()).tolist() == [size] * 8
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            folder = info['img_path'].split('/')[-2]
            assert folder == f'{info["gt_label"] + 1:03d}.{SAMPLE_CLASSES[info["gt_label"]]}'
            number = int(info['img_path'][-8:-4])  # the first of each class are for training
            assert (number <= 3) == (split == 'train')


def test_classes_file_names_the_folders(sample_set):
    rows = [row.split() for row in (sample_set / 'classes.txt').read_text().splitlines()]
    folders = sorted(path.name for path in (sample_set / 'images').iterdir())
    assert rows == [[str(number), folder] for number, folder in enumerate(folders, start=1)]


def test_boxes_are_inside_their_images(sample_set):
    boxes = CUBBoxes(str(sample_set))
    paths = sorted((sample_set / 'images').rglob('*.jpg'))
    assert len(paths) == 40
    for path in paths:
        with Image.open(path) as image:
            assert image.mode == 'RGB'
            width, height = image.size
        ((x1, y1, x2, y2),) = boxes(str(path))
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert (x2 - x1) * (y2 - y1) < 0.7 * width * height  # there is something to localise


def _draw(label, number):
    return draw_creature(label, np.random.default_rng([0, label, number]))


@pytest.mark.parametrize('label', range(8))
def test_boxes_are_tight(label):
    for number in range(3):
        image, (x, y, box_width, box_height) = _draw(label, number)
        rng = np.random.default_rng([0, label, number])
        width, height = (int(side) for side in rng.integers(112, 177, 2))
        assert image.shape == (height, width, 3)
        # The creature's pixels at twice the size, before it is put on its background.
        sample_set._draw_background((2 * width, 2 * height), rng)
        _, mask = sample_set._draw_body(sample_set._KINDS[label], (2 * width, 2 * height), rng)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        tight = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 2
        assert np.abs(np.array([x, y, x + box_width, y + box_height]) - tight).max() <= 1.5


def test_drawing_is_what_was_saved(sample_set):
    image, (x, y, width, height) = _draw(2, 1)
    path = sample_set / 'images' / '003.Eared_Mallow' / 'Eared_Mallow_0002.jpg'
    with Image.open(path) as saved:
        difference = np.abs(np.asarray(saved, int) - image)
    assert difference.mean() < 8  # JPEG
    assert CUBBoxes(str(sample_set))(str(path)).tolist() == [[x, y, x + width, y + height]]


def test_a_second_call_uses_what_is_there(tmp_path):
    root = make_sample_set(tmp_path / 'sample', (1, 0))
    before = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
    assert make_sample_set(str(root), (1, 0)) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob('*')} == before


@pytest.mark.parametrize('arguments', [dict(per_class=(2, 0)), dict(per_class=(1, 0), seed=1)])
def test_a_set_with_other_arguments_is_left_alone(tmp_path, arguments):
    root = make_sample_set(tmp_path / 'sample', (1, 0))
    before = _files(root)
    with pytest.raises(FileExistsError, match=f'{root}: is there'):
        make_sample_set(root, **arguments)
    assert _files(root) == before


def test_another_folder_is_left_alone(tmp_path):
    root = tmp_path / 'mine'
    root.mkdir()
    (root / 'README').write_text('my holiday')
    with pytest.raises(FileExistsError, match=f'{root}: is there'):
        make_sample_set(root, (1, 0))
    assert _files(root) == {'README': b'my holiday'}


def test_an_interrupted_call_leaves_no_set_and_the_next_one_succeeds(tmp_path, monkeypatch):
    calls = []

    def interrupted(label, rng):
        calls.append(label)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return draw_creature(label, rng)

    root = tmp_path / 'sample'
    with monkeypatch.context() as patch:
        patch.setattr(sample_set, 'draw_creature', interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_sample_set(root, (1, 1))
    assert len(calls) == 11
    assert not root.exists()
    assert make_sample_set(root, (1, 1)) == root
    assert [path.name for path in tmp_path.iterdir()] == ['sample']
    assert _files(root) == _files(make_sample_set(tmp_path / 'other', (1, 1)))
