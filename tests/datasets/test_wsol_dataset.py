import copy
import json
import os
import pickle
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.datasets import CUB
from PIL import Image

from mmtscam.datasets import SAMPLE_CLASSES, WSOLDataset
from mmtscam.localization import PROTOCOLS, boxes_to_frame
from mmtscam.registry import DATASETS
from mmtscam.structures import LocDataSample


@pytest.fixture(scope='module')
def pipelines(repo):
    cfg = Config.fromfile(repo / 'configs' / '_base_' / 'datasets' / 'cub.py')
    return {'train': cfg.train_pipeline, 'test': cfg.test_pipeline}


@pytest.fixture
def set_copy(sample_set, tmp_path):
    return shutil.copytree(sample_set, tmp_path / 'copy')


def _dataset(root, split='test', **kwargs):
    kwargs.setdefault('boxes', dict(type='CUBBoxes'))
    kwargs.setdefault('metainfo', dict(classes=SAMPLE_CLASSES))
    return WSOLDataset(dataset=dict(type='mmpretrain.CUB', data_root=str(root), split=split), **kwargs)


def _annotation(root):
    """The set as its files describe it, in their order."""
    columns = {}
    for name in ('images', 'image_class_labels', 'train_test_split', 'bounding_boxes'):
        columns[name] = [row.split()[1:] for row in (root / f'{name}.txt').read_text().splitlines()]
    for (path,), (label,), (train,), box in zip(*columns.values(), strict=True):
        x, y, width, height = map(float, box)
        yield str(root / 'images' / path), int(label) - 1, train == '1', [x, y, x + width, y + height]


@pytest.mark.parametrize('split', ['train', 'test'])
def test_labels_and_boxes_are_those_of_the_files(sample_set, split):
    dataset = _dataset(sample_set, split)
    rows = [row for row in _annotation(sample_set) if row[2] == (split == 'train')]
    assert len(dataset) == len(rows) == {'train': 24, 'test': 16}[split]
    for index, (path, label, _, box) in enumerate(rows):
        info = dataset.get_data_info(index)
        assert info['img_path'] == path
        assert info['gt_label'] == label
        assert info['img_id'] == index
        assert info['instances'] == [dict(bbox=box, bbox_label=label, ignore_flag=0)]
    assert dataset.get_gt_labels().tolist() == [row[1] for row in rows]


def test_training_sees_no_boxes(set_copy, pipelines):
    (set_copy / 'bounding_boxes.txt').unlink()
    dataset = _dataset(set_copy, 'train', boxes=None, pipeline=pipelines['train'])
    assert 'instances' not in dataset.get_data_info(0)
    item = dataset[5]
    assert item['inputs'].shape == (3, 224, 224)
    assert item['data_samples'].gt_label.tolist() == [1]
    assert 'gt_instances' not in item['data_samples']


def test_the_test_pipeline_gives_a_whole_sample(sample_set, pipelines):
    dataset = _dataset(sample_set, pipeline=pipelines['test'], test_mode=True)
    item = dataset[3]
    path, label, _, box = [row for row in _annotation(sample_set) if not row[2]][3]
    sample = item['data_samples']
    with Image.open(path) as image:
        width, height = image.size
    assert type(sample) is LocDataSample
    assert item['inputs'].shape == (3, 224, 224)
    assert item['inputs'].dtype == torch.uint8
    assert sample.img_path == path
    assert sample.img_id == 3
    assert tuple(sample.ori_shape) == (height, width)
    assert tuple(sample.img_shape) == (224, 224)
    assert sample.gt_label.tolist() == [label]
    assert sample.gt_instances.bboxes.tolist() == [box]  # not scaled with the image
    assert sample.gt_instances.labels.tolist() == [label]


def test_meta_information(sample_set):
    assert _dataset(sample_set).metainfo['classes'] == SAMPLE_CLASSES
    assert _dataset(sample_set, metainfo=None).metainfo['classes'] == CUB.METAINFO['classes']
    assert _dataset(sample_set, metainfo=dict(task='birds')).metainfo == dict(CUB.METAINFO, task='birds')


def test_classes_in_the_wrapped_config(sample_set):
    dataset = WSOLDataset(
        dataset=dict(type='mmpretrain.CUB', data_root=str(sample_set), metainfo=dict(classes=SAMPLE_CLASSES))
    )
    assert dataset.metainfo['classes'] == SAMPLE_CLASSES


def test_built_by_the_registry(sample_set):
    cfg = dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test')
    dataset = DATASETS.build(dict(type='WSOLDataset', dataset=cfg))
    assert type(dataset) is WSOLDataset
    assert len(dataset) == 16
    assert cfg == dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test')


def test_indices_keep_the_ids(sample_set):
    dataset = _dataset(sample_set, indices=[9, 2])
    assert [dataset.get_data_info(index)['img_id'] for index in range(2)] == [9, 2]
    assert len(_dataset(sample_set, indices=5)) == 5


def test_lazy_init(sample_set):
    dataset = _dataset(sample_set, lazy_init=True)
    assert dataset.metainfo['classes'] == SAMPLE_CLASSES
    assert "Haven't been initialized" in repr(dataset)
    dataset.full_init()
    assert len(dataset) == 16
    eager = _dataset(sample_set)
    assert [dataset.get_data_info(i) for i in range(16)] == [eager.get_data_info(i) for i in range(16)]
    assert len(_dataset(sample_set, lazy_init=True)) == 16  # at the first look


def test_lazy_init_needs_no_data(tmp_path):
    dataset = _dataset(tmp_path / 'none', metainfo=dict(task='birds'), lazy_init=True)
    assert dataset.metainfo == dict(CUB.METAINFO, task='birds')
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=r'none/images\.txt: annotation file or image folder not found'):
            dataset.full_init()


@pytest.mark.parametrize(
    ('kwargs', 'before', 'after'),
    [
        (dict(), None, ('cat', 'dog')),
        (dict(metainfo=dict(classes=('A', 'B'))), ('A', 'B'), ('A', 'B')),
        (dict(classes=['A', 'B'], metainfo=dict(classes=('C', 'D'))), ('A', 'B'), ('A', 'B')),
    ],
)
def test_classes_that_the_folders_tell(pets, kwargs, before, after):
    """They are known once the data is."""
    lazy, eager = (_pets(pets, lazy_init=lazy, **kwargs) for lazy in (True, False))
    assert lazy.metainfo.get('classes') == before
    lazy.full_init()
    assert lazy.metainfo == eager.metainfo
    assert lazy.metainfo['classes'] == after


def test_box_reader_with_a_root_of_its_own(sample_set, set_copy):
    (set_copy / 'bounding_boxes.txt').unlink()
    boxes = dict(type='CUBBoxes', data_root=str(sample_set), img_prefix=str(set_copy / 'images'))
    ours, original = _dataset(set_copy, boxes=boxes), _dataset(sample_set)
    assert all(
        ours.get_data_info(index)['instances'] == original.get_data_info(index)['instances'] for index in range(16)
    )


def test_repr_tells_what_is_wrapped(sample_set):
    text = repr(_dataset(sample_set))
    assert 'WSOLDataset' in text
    assert str(sample_set) in text
    assert 'CUBBoxes' in text
    assert '16' in text


def test_wraps_a_folder_of_images(sample_set, pipelines):
    dataset = WSOLDataset(
        dataset=dict(type='mmpretrain.CustomDataset', data_root=str(sample_set), data_prefix='images'),
        pipeline=pipelines['train'],
    )
    assert len(dataset) == 40
    assert dataset.metainfo['classes'] == tuple(f'{i + 1:03d}.{name}' for i, name in enumerate(SAMPLE_CLASSES))
    assert np.bincount(dataset.get_gt_labels()).tolist() == [5] * 8
    assert dataset[39]['data_samples'].gt_label.tolist() == [7]
    assert [dataset.get_data_info(index)['img_id'] for index in range(40)] == list(range(40))


def test_a_folder_of_images_with_boxes(sample_set):
    dataset = WSOLDataset(
        dataset=dict(type='mmpretrain.CustomDataset', data_root=str(sample_set), data_prefix='images'),
        boxes=dict(type='CUBBoxes'),
    )
    boxes = {path: box for path, _, _, box in _annotation(sample_set)}
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert {info['img_path']: info['instances'][0]['bbox'] for info in infos} == boxes


@pytest.mark.parametrize('name', ['images.txt', 'image_class_labels.txt', 'train_test_split.txt', 'bounding_boxes.txt'])
def test_a_missing_annotation_file_is_named(set_copy, name):
    (set_copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'{set_copy / name}: annotation file.* not found'):
        _dataset(set_copy)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / 'nowhere')):
        _dataset(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match=str(tmp_path / 'nowhere')):
        WSOLDataset(dataset=dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path / 'nowhere')))


def test_an_image_without_a_box_is_named(set_copy):
    path = set_copy / 'bounding_boxes.txt'
    rows = path.read_text().splitlines()
    path.write_text('\n'.join(rows[:-1]) + '\n')
    with pytest.raises(ValueError, match=r'no box for image 40 .*Visored_Wasp_0005\.jpg') as caught:
        _dataset(set_copy)
    assert str(path) in str(caught.value)


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garble(path):
    path.write_bytes(b'this is no image' * 50)


def _empty(path):
    path.write_bytes(b'')


def _remove(path):
    path.unlink()


@pytest.mark.parametrize('damage', [_truncate, _garble, _empty, _remove])
@pytest.mark.parametrize('split', ['train', 'test'])
def test_a_damaged_image_is_named(set_copy, pipelines, damage, split):
    dataset = _dataset(set_copy, split, pipeline=pipelines[split], test_mode=split == 'test')
    path = dataset.get_data_info(1)['img_path']
    damage(type(set_copy)(path))
    with pytest.raises(ValueError) as caught:
        dataset[1]
    assert str(caught.value).startswith(f'{path}: the image cannot be read')
    assert caught.value.__cause__ is not None
    assert dataset[0]['inputs'].shape == (3, 224, 224)


# ---------------------------------------------------------- other formats and masks

PACK = [dict(type='LoadImageFromFile'), dict(type='PackLocInputs')]


def _picture(path, height=5, width=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


@pytest.fixture
def pets(coco_root):
    """Two images in folders of their classes, and a COCO file of them."""
    text = (coco_root / 'coco.json').read_text()
    (coco_root / 'coco.json').write_text(text.replace('a/one.jpg', 'dog/one.jpg').replace('two.jpg', 'cat/two.jpg'))
    _picture(coco_root / 'images' / 'dog' / 'one.jpg')
    _picture(coco_root / 'images' / 'cat' / 'two.jpg')
    return coco_root


def _pets(root, **kwargs):
    wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(root), data_prefix='images')
    return WSOLDataset(dataset=wrapped, pipeline=PACK, test_mode=True, **kwargs)


def _coco(kind, **more):
    return dict(type=kind, ann_file='coco.json', img_prefix='images', **more)


def test_coco_boxes_and_masks_of_the_images_class(pets):
    dataset = _pets(pets, boxes=_coco('COCOBoxes'), masks=_coco('COCOMasks'))
    assert dataset.metainfo['classes'] == ('cat', 'dog')
    cat, dog = (dataset[index]['data_samples'] for index in range(2))
    assert cat.gt_instances.bboxes.tolist() == [[2, 2, 4, 4]]
    assert dog.gt_instances.bboxes.tolist() == [[1, 1, 4, 3], [4.5, 0, 5.75, 5]]
    assert dog.gt_instances.labels.tolist() == [1, 1]
    expected = torch.zeros(1, 5, 6, dtype=torch.uint8)
    expected[0, 2:4, 2:4] = 1
    assert torch.equal(cat.gt_sem_seg.sem_seg, expected)
    assert dog.gt_sem_seg.sem_seg.unique().tolist() == [0, 1, 255]


def test_images_keep_their_numbers_in_a_coco_file(pets):
    """By which mmdet's metrics look for them in the file."""
    dataset = _pets(pets, boxes=_coco('COCOBoxes'))
    assert [dataset[index]['data_samples'].img_id for index in range(2)] == [11, 10]
    assert [dataset[index]['data_samples'].sample_idx for index in range(2)] == [0, 1]
    text = (pets / 'coco.json').read_text()
    (pets / 'coco.json').write_text(text.replace('"id": 10', '"id": "ten"').replace('_id": 10', '_id": "ten"'))
    dataset = _pets(pets, boxes=_coco('COCOBoxes'))
    assert [dataset.get_data_info(index)['img_id'] for index in range(2)] == [11, 1]


_SWAPPED = (
    r"the boxes may belong to the photograph as its EXIF .* \(color_type='color' turns, 'color_ignore_orientation' does"
)


@pytest.mark.parametrize(
    ('stated', 'advice'), [((12, 10), 'scale the boxes to the image or, if they fit it, correct'), ((5, 6), _SWAPPED)]
)
def test_an_image_of_another_size_than_its_boxes_is_refused(pets, stated, advice):
    """Its boxes would lie elsewhere, and GT-known Loc fall without a word."""
    content = json.loads((pets / 'coco.json').read_text())
    entry = next(entry for entry in content['images'] if entry['file_name'] == 'cat/two.jpg')
    entry.update(width=stated[0], height=stated[1])
    (pets / 'coco.json').write_text(json.dumps(content))
    dataset = _pets(pets, boxes=_coco('COCOBoxes'))
    with pytest.raises(
        ValueError,
        match=rf'^{pets}/images/cat/two\.jpg: the image is read as 6x5, but {pets}/coco\.json annotates it as '
        rf'{stated[0]}x{stated[1]}: {advice}',
    ):
        dataset[0]
    assert dataset[1]['data_samples'].ori_shape == (5, 6)
    del entry['width']
    (pets / 'coco.json').write_text(json.dumps(content))
    assert _pets(pets, boxes=_coco('COCOBoxes'))[0]['data_samples'].ori_shape == (5, 6)


@pytest.mark.parametrize(('side', 'fits'), [(6, True), (0, True), (7, False)])
def test_the_size_in_an_xml_file_is_compared_too(pets, side, fits):
    (pets / 'Annotations').mkdir()
    box = '<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox>'
    for name, kind in (('one', 'dog'), ('two', 'cat')):
        size = f'<size><width>{side}</width><height>5</height></size>'
        text = f'<annotation>{size}<object><name>{kind}</name>{box}</object></annotation>'
        (pets / 'Annotations' / f'{name}.xml').write_text(text)
    dataset = _pets(pets, boxes=dict(type='VOCBoxes'))
    if fits:
        assert dataset[0]['data_samples'].gt_instances.bboxes.tolist() == [[0, 0, 2, 2]]
    else:
        with pytest.raises(ValueError, match=r'two\.jpg: .* as 6x5, but .*/Annotations/two\.xml annotates it as 7x5: '):
            dataset[0]


@pytest.mark.parametrize(
    ('load', 'size'),
    [
        (dict(type='LoadImageFromFile', color_type='color'), (5, 6)),
        (dict(type='LoadImageFromFile', color_type='color_ignore_orientation'), (6, 5)),
        (dict(type='LoadResizedImage', scale=8), (6, 5)),
    ],
)
def test_the_annotated_size_of_a_turned_photograph_is_that_in_the_pipelines_orientation(pets, load, size):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (6, 5)).save(pets / 'images' / 'cat' / 'two.jpg', exif=exif)
    for stated in ((6, 5), (5, 6)):
        content = json.loads((pets / 'coco.json').read_text())
        for entry in content['images']:
            entry.update(width=stated[0], height=stated[1])
        (pets / 'coco.json').write_text(json.dumps(content))
        wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(pets), data_prefix='images')
        dataset = WSOLDataset(dataset=wrapped, boxes=_coco('COCOBoxes'), pipeline=[load, PACK[1]], test_mode=True)
        if stated == size:
            assert dataset[0]['data_samples'].ori_shape == size[::-1]
        else:
            with pytest.raises(ValueError, match=_SWAPPED):
                dataset[0]


def test_names_of_classes_go_to_the_readers(pets):
    dataset = _pets(pets, boxes=_coco('COCOBoxes'), metainfo=dict(classes=('cat', 'cat')))
    assert dataset[1]['data_samples'].gt_instances.bboxes.tolist() == [[0, 4, 1, 5]]
    with pytest.raises(ValueError, match=r"coco\.json: no category 'Dog'"):
        _pets(pets, boxes=_coco('COCOBoxes'), metainfo=dict(classes=('cat', 'Dog')))
    with pytest.raises(ValueError, match=r'the class names are cat, .* labels number the folders cat, dog'):
        _pets(pets, boxes=_coco('COCOBoxes'), metainfo=dict(classes=('cat',)))


@pytest.fixture
def benchmark(tmp_path):
    metadata = tmp_path / 'metadata'
    metadata.mkdir()
    (metadata / 'image_ids.txt').write_text('val/b.jpg\nval/a.jpg\n')
    (metadata / 'class_labels.txt').write_text('val/a.jpg,0\nval/b.jpg,3\n')
    (metadata / 'image_sizes.txt').write_text('val/a.jpg,6,5\nval/b.jpg,8,7\n')
    (metadata / 'localization.txt').write_text('val/a.jpg,1,2,3,4\nval/b.jpg,0,0,5,5\nval/b.jpg,6,6,6,6\n')
    return tmp_path


def _benchmark(root, **kwargs):
    wrapped = dict(type='WSOLBenchmark', data_root=str(root), metadata='metadata')
    return WSOLDataset(dataset=wrapped, pipeline=PACK, test_mode=True, **kwargs)


def test_benchmark_files_without_images(benchmark):
    dataset = _benchmark(benchmark, boxes=dict(type='BenchmarkBoxes', metadata='metadata'))
    assert dataset.get_data_info(0) == dict(
        img_path=f'{benchmark}/val/b.jpg',
        gt_label=3,
        image_id='val/b.jpg',
        ori_shape=(7, 8),
        img_id=0,
        sample_idx=0,
        instances=[
            dict(bbox=[0, 0, 5, 5], bbox_label=3, ignore_flag=0),
            dict(bbox=[6, 6, 6, 6], bbox_label=3, ignore_flag=0),
        ],
    )
    _picture(benchmark / 'val' / 'a.jpg')
    sample = dataset[1]['data_samples']
    assert sample.gt_instances.bboxes.tolist() == [[1, 2, 3, 4]]
    assert sample.gt_label.tolist() == [0]


def test_a_missing_benchmark_file_is_named_once(benchmark):
    (benchmark / 'metadata' / 'class_labels.txt').unlink()
    with pytest.raises(FileNotFoundError) as caught:
        _benchmark(benchmark)
    assert str(caught.value).startswith(f'{benchmark}/metadata/class_labels.txt: annotation file not found; ')
    assert str(caught.value).count('not found') == 1


@pytest.fixture
def masked(benchmark):
    """The benchmark's images with masks instead of boxes."""
    (benchmark / 'metadata' / 'localization.txt').write_text('val/a.jpg,a.png,\nval/b.jpg,b.png,\n')
    for name, value in (('a', 1), ('b', 0)):
        _picture(benchmark / 'val' / f'{name}.jpg')
        cv2.imwrite(str(benchmark / f'{name}.png'), np.full((2, 3), value, np.uint8))
    return benchmark


MASKS = dict(type='OpenImagesMasks', metadata='metadata', size=(3, 2))


def test_masks_are_read_when_their_image_is(masked):
    (masked / 'a.png').rename(masked / 'away.png')
    dataset = _benchmark(masked, masks=MASKS)
    assert 'gt_mask' not in dataset.get_data_info(0)
    assert dataset[0]['data_samples'].gt_sem_seg.sem_seg.tolist() == [[[0, 0, 0], [0, 0, 0]]]
    with pytest.raises(FileNotFoundError, match=f'^{masked}/a.png: mask file not found$'):
        dataset[1]
    (masked / 'away.png').rename(masked / 'a.png')
    assert dataset[1]['data_samples'].gt_sem_seg.sem_seg.tolist() == [[[1, 1, 1], [1, 1, 1]]]
    assert 'gt_instances' not in dataset[1]['data_samples']
    assert 'OpenImagesMasks' in repr(dataset)


def test_the_pipeline_is_given_the_mask(masked):
    dataset = WSOLDataset(
        dataset=dict(type='WSOLBenchmark', data_root=str(masked), metadata='metadata'),
        masks=MASKS,
        pipeline=[lambda results: results],
    )
    mask = dataset[1]['gt_mask']
    assert mask.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert mask.dtype == np.uint8


def test_an_image_without_mask_is_found_at_once(masked):
    (masked / 'metadata' / 'localization.txt').write_text('val/b.jpg,b.png,\n')
    with pytest.raises(ValueError, match=f'no mask for image {masked}/val/a.jpg'):
        _benchmark(masked, masks=MASKS)


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))])
def test_copies_read_the_same(pets, duplicate):
    dataset = _pets(pets, boxes=_coco('COCOBoxes'), masks=_coco('COCOMasks'))
    ours, theirs = dataset[1]['data_samples'], duplicate(dataset)[1]['data_samples']
    assert torch.equal(ours.gt_sem_seg.sem_seg, theirs.gt_sem_seg.sem_seg)
    assert torch.equal(ours.gt_instances.bboxes, theirs.gt_instances.bboxes)


def test_a_subset_keeps_its_masks(masked):
    subset = _benchmark(masked, masks=MASKS).get_subset([1])
    assert subset[0]['data_samples'].gt_sem_seg.sem_seg.tolist() == [[[1, 1, 1], [1, 1, 1]]]


# ------------------------------------------------------------------- real images


@pytest.fixture
def real(assets, pipelines):
    return WSOLDataset(
        dataset=dict(type='mmpretrain.CUB', data_root=str(assets / 'data' / 'CUB_200_2011'), split='test'),
        boxes=dict(type='CUBBoxes'),
        pipeline=pipelines['test'],
        test_mode=True,
    )


def test_real_ground_truth_in_the_frame(assets, real):
    golden = np.load(assets / 'golden' / 'tscam_gt_boxes.npz')
    assert len(real) == len(golden['names']) == 243
    for index, (name, label, box) in enumerate(
        zip(*(golden[key] for key in ('names', 'labels', 'boxes')), strict=True)
    ):
        info = real.get_data_info(index)
        assert info['img_path'].endswith(f'/{name}')
        assert info['gt_label'] == label
        with Image.open(info['img_path']) as image:
            size = image.size
        bboxes = [instance['bbox'] for instance in info['instances']]
        assert boxes_to_frame(bboxes, size, PROTOCOLS['tscam']).tolist() == [box.tolist()], name


def test_real_ground_truth_after_packing(assets, real):
    """Stored in float32, and with the size that the pipeline notes."""
    golden = np.load(assets / 'golden' / 'tscam_gt_boxes.npz')
    for index in (0, 100, 242):
        sample = real[index]['data_samples']
        height, width = sample.ori_shape
        boxes = boxes_to_frame(sample.gt_instances.bboxes.numpy(), (width, height), PROTOCOLS['tscam'])
        assert boxes.tolist() == [golden['boxes'][index].tolist()]


def test_real_images_to_the_pixel(assets, pipelines):
    golden = np.load(assets / 'golden' / 'tscam_model.npz')
    images = {str(name): image for name, image in zip(golden['names'], golden['images'], strict=True)}
    root = assets / 'data' / 'CUB_200_2011'
    seen = set()
    for split in ('train', 'test'):
        dataset = _dataset(root, split, metainfo=None, pipeline=pipelines['test'], test_mode=True)
        for index in range(len(dataset)):
            name = dataset.get_data_info(index)['img_path'].removeprefix(f'{root}/images/')
            if name in images:
                inputs = dataset[index]['inputs'].numpy()
                assert np.array_equal(inputs[::-1].transpose(1, 2, 0), images[name]), name
                seen.add(name)
    assert len(seen) == 4


def test_an_image_is_named_by_its_path_in_the_data_root(sample_set):
    dataset = WSOLDataset(dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test'))
    assert dataset.get_data_info(0)['image_id'] == 'images/001.Crested_Zeb/Crested_Zeb_0004.jpg'


def test_several_labels_an_image_are_refused(sample_set):
    wrapped = dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test')
    dataset = WSOLDataset(wrapped, metainfo=dict(classes=['a'] * 8))
    with pytest.raises(ValueError, match=r'needs one label, got \[1, 2\]: wrap a data set with one label an image'):
        dataset._class_name(dict(img_path='a.jpg', gt_label=[1, 2]))


class _Strict(CUB):
    """A data set that takes no further arguments."""

    def __init__(self, data_root, split):
        super().__init__(data_root, split=split)


class _Shifted(CUB):
    """A data set with a way of its own to a row."""

    def get_data_info(self, idx):
        return {**super().get_data_info(idx), 'image_id': f'own {idx}'}


@pytest.mark.parametrize('more', [dict(), dict(serialize_data=False), dict(serialize_data=True), dict(indices=[7, 3])])
def test_rows_are_the_same_however_the_wrapped_data_set_keeps_them(sample_set, more):
    wrapped = dict(type='mmpretrain.CUB', data_root=str(sample_set), split='test', **more)
    ours, theirs = WSOLDataset(wrapped), DATASETS.build(wrapped)
    assert len(ours) == len(theirs)
    for index in range(len(theirs)):
        info = theirs.get_data_info(index)
        name = os.path.relpath(info['img_path'], sample_set)
        assert ours.get_data_info(index) == dict(info, img_id=index, image_id=name)


def test_wrapped_classes_may_take_no_arguments_or_make_rows_of_their_own(sample_set):
    reference = _dataset(sample_set, boxes=None, metainfo=None)
    strict = WSOLDataset(dict(type=_Strict, data_root=str(sample_set), split='test'))
    assert [strict.get_data_info(i) for i in range(16)] == [reference.get_data_info(i) for i in range(16)]
    shifted = WSOLDataset(dict(type=_Shifted, data_root=str(sample_set), split='test'))
    assert [shifted.get_data_info(i)['image_id'] for i in range(16)] == [f'own {i}' for i in range(16)]
    repeated = dict(type='RepeatDataset', times=2, dataset=dict(type=_Strict, data_root=str(sample_set), split='test'))
    assert len(WSOLDataset(repeated)) == 32


@pytest.mark.parametrize(
    'change',
    [
        lambda dataset: dataset,
        copy.deepcopy,
        lambda dataset: pickle.loads(pickle.dumps(dataset)),
        lambda dataset: dataset.get_subset(5),
        lambda dataset: dataset.get_subset(list(range(16))[::-1]),
        lambda dataset: dataset.get_subset_([4, 11]) or dataset,
    ],
)
@pytest.mark.parametrize('kwargs', [dict(), dict(indices=list(range(15, -1, -1))), dict(serialize_data=False)])
def test_labels_are_those_of_the_rows(sample_set, kwargs, change):
    dataset = change(_dataset(sample_set, **kwargs))
    labels = [dataset.get_data_info(index)['gt_label'] for index in range(len(dataset))]
    assert dataset.get_gt_labels().tolist() == labels
    dataset.get_gt_labels()[:] = -1  # a copy
    assert dataset.get_gt_labels().tolist() == labels


def test_images_without_labels_have_none(sample_set):
    wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(sample_set), data_prefix='images', with_label=False)
    with pytest.raises(KeyError, match='gt_label'):
        WSOLDataset(wrapped).get_gt_labels()


@pytest.mark.parametrize('inside', [True, False])
def test_names_must_number_the_classes_as_the_folders_do(tmp_path, inside):
    """Given to the wrapped data set or to ours; other names of as many classes are fine."""
    for name in ('red_cat', 'dog'):
        (tmp_path / name).mkdir()
        Image.new('RGB', (4, 4)).save(tmp_path / name / 'a.jpg')

    def load(*names):
        named = dict(metainfo=dict(classes=names))
        wrapped = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path))
        return WSOLDataset(dataset={**wrapped, **named}) if inside else WSOLDataset(dataset=wrapped, **named)

    assert load('Dog', 'red cat').metainfo['classes'] == ('Dog', 'red cat')
    assert load('Hund', 'Katze').metainfo['classes'] == ('Hund', 'Katze')
    with pytest.raises(ValueError, match=r'labels number the folders dog, red_cat, .* \(2\): give a name for each'):
        load('red cat', 'dog')
    with pytest.raises(ValueError, match=r'folders|subfolders'):
        load('dog', 'cat', 'horse')


def test_a_file_of_classes_that_is_no_text(tmp_path):
    (tmp_path / 'classes.txt').write_bytes(b'\xff\n')
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path))
    with pytest.raises(ValueError, match=rf'^{tmp_path}/classes\.txt: not a text file in UTF-8'):
        WSOLDataset(dataset, classes=str(tmp_path / 'classes.txt'), lazy_init=True)
