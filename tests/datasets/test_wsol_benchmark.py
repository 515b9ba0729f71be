import pytest

from mmtscam.datasets import WSOLBenchmark
from mmtscam.registry import DATASETS


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / 'metadata'
    folder.mkdir()
    (folder / 'image_ids.txt').write_text('val/b.jpg\nval/a.jpg\n\nval/c.jpg\n')
    (folder / 'class_labels.txt').write_text('val/a.jpg,0\nval/b.jpg,12\nval/c.jpg,3\n')
    (folder / 'image_sizes.txt').write_text('val/b.jpg,500,375\nval/a.jpg,100,200\nval/c.jpg,1,1\n')
    return tmp_path


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_rows_in_the_order_of_the_ids_without_images(root):
    dataset = WSOLBenchmark(str(root), 'metadata', classes=[f'c{index}' for index in range(13)])
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [info.pop('sample_idx') for info in infos] == [0, 1, 2]
    assert infos == [
        dict(img_path=f'{root}/val/b.jpg', gt_label=12, image_id='val/b.jpg', ori_shape=(375, 500)),
        dict(img_path=f'{root}/val/a.jpg', gt_label=0, image_id='val/a.jpg', ori_shape=(200, 100)),
        dict(img_path=f'{root}/val/c.jpg', gt_label=3, image_id='val/c.jpg', ori_shape=(1, 1)),
    ]
    assert dataset.metainfo['classes'][12] == 'c12'


def test_without_sizes_and_with_metadata_elsewhere(root):
    (root / 'metadata' / 'image_sizes.txt').unlink()
    cfg = dict(type='WSOLBenchmark', data_root='pictures', metadata=str(root / 'metadata'))
    dataset = DATASETS.build(cfg)
    assert type(dataset) is WSOLBenchmark
    assert dataset.get_data_info(1) == dict(
        img_path='pictures/val/a.jpg', gt_label=0, image_id='val/a.jpg', sample_idx=1
    )
    assert 'pictures' in repr(dataset)
    assert str(root / 'metadata') in repr(dataset)


@pytest.mark.parametrize('name', ['image_ids.txt', 'class_labels.txt'])
def test_missing_file(root, name):
    (root / 'metadata' / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'^{root}/metadata/{name}: annotation file not found'):
        WSOLBenchmark(str(root), 'metadata')


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'problem'),
    [
        ('image_ids.txt', 'val/c.jpg', 'val/b.jpg', ':4: a second row for image val/b.jpg'),
        ('image_ids.txt', 'val/c.jpg', 'val/c.jpg,1', ":4: a row must be image_id, got 'val/c.jpg,1'"),
        ('class_labels.txt', 'val/b.jpg,12', 'val/b.jpg', ":2: a row must be image_id,label, got 'val/b.jpg'"),
        ('class_labels.txt', '12', '-1', ":2: a label must be a whole number from 0, got '-1'"),
        ('class_labels.txt', '12', '1.0', ":2: a label must be a whole number from 0, got '1.0'"),
        ('class_labels.txt', '12', 'cat', ":2: a label must be a whole number from 0, got 'cat'"),
        ('class_labels.txt', 'val/b.jpg', 'val/a.jpg', ':2: a second row for image val/a.jpg'),
        ('class_labels.txt', 'val/c.jpg', 'val/d.jpg', ':3: image val/d.jpg is not in image_ids.txt'),
        ('image_sizes.txt', '100,200', '100', ":2: a row must be image_id,width,height, got 'val/a.jpg,100'"),
        ('image_sizes.txt', '100', '0', ":2: width and height must be whole numbers from 1, got '0' and '200'"),
        ('image_sizes.txt', '200', 'x', ":2: width and height must be whole numbers from 1, got '100' and 'x'"),
        ('image_sizes.txt', 'val/c.jpg', 'val/b.jpg', ':3: a second row for image val/b.jpg'),
        ('image_sizes.txt', 'val/c.jpg', 'val/d.jpg', ':3: image val/d.jpg is not in image_ids.txt'),
    ],
)
def test_bad_row(root, name, old, new, problem):
    _replace(root / 'metadata' / name, old, new)
    with pytest.raises(ValueError) as caught:
        WSOLBenchmark(str(root), 'metadata')
    assert str(caught.value) == f'{root}/metadata/{name}{problem}'


@pytest.mark.parametrize(
    ('name', 'row'), [('class_labels.txt', 'val/c.jpg,3\n'), ('image_sizes.txt', 'val/c.jpg,1,1\n')]
)
def test_an_id_without_row(root, name, row):
    _replace(root / 'metadata' / name, row, '')
    with pytest.raises(ValueError) as caught:
        WSOLBenchmark(str(root), 'metadata')
    metadata = root / 'metadata'
    assert str(caught.value) == f'{metadata}/image_ids.txt:4: image val/c.jpg has no row in {metadata}/{name}'


def test_no_image(root):
    (root / 'metadata' / 'image_ids.txt').write_text('\n')
    with pytest.raises(ValueError, match=f'^{root}/metadata/image_ids.txt: lists no image$'):
        WSOLBenchmark(str(root), 'metadata')
