import json

import pytest
from PIL import Image
from pycocotools.coco import COCO

from mmtscam.datasets.coco import COCOOutput
from mmtscam.datasets.true_boxes import write_true_boxes
from mmtscam.pseudo_labels import build_dataset
from mmtscam.utils.annotated_size import AnnotatedSize


@pytest.fixture
def dataset(tiny_config):
    return build_dataset(tiny_config, 'test', boxes=dict(type='CUBBoxes'))


def test_every_annotated_box_is_written(dataset, sample_set, tmp_path):
    assert write_true_boxes(dataset, COCOOutput(tmp_path / 'coco.json')) == {'images': 16, 'boxes': 16, 'turned': 0}
    coco = COCO(tmp_path / 'coco.json')
    assert [coco.imgs[info['img_id']]['file_name'] for info in map(dataset.get_data_info, range(16))] == [
        info['image_id'] for info in map(dataset.get_data_info, range(16))
    ]
    numbers = {name: number for number, name in map(str.split, (sample_set / 'images.txt').read_text().splitlines())}
    annotated = {
        number: [float(value) for value in values]
        for number, *values in map(str.split, (sample_set / 'bounding_boxes.txt').read_text().splitlines())
    }
    for image in coco.loadImgs(coco.getImgIds()):
        (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=image['id']))
        name = image['file_name'].removeprefix('images/')
        assert annotation['bbox'] == pytest.approx(annotated[numbers[name]], abs=0.01)
        (category,) = coco.loadCats([annotation['category_id']])
        assert category['name'] == name.split('/')[0].partition('.')[2]
        with Image.open(sample_set / image['file_name']) as file:
            assert file.size == (image['width'], image['height'])


def test_one_class_for_all(dataset, tmp_path):
    write_true_boxes(dataset, COCOOutput(tmp_path / 'coco.json'), class_agnostic=True)
    content = json.loads((tmp_path / 'coco.json').read_text())
    assert content['categories'] == [dict(id=1, name='object')]
    assert {annotation['category_id'] for annotation in content['annotations']} == {1}


def test_images_that_mmdet_would_turn_are_counted(tiny_config, dataset, tmp_path):
    turned = tmp_path / 'turned.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (20, 10)).save(turned, exif=exif)
    rows = [dataset.get_data_info(0), dict(dataset.get_data_info(1), img_path=str(turned))]
    dataset = type(
        'Rows', (), dict(__len__=lambda _: 2, get_data_info=lambda _, index: rows[index], metainfo=dataset.metainfo)
    )()
    assert write_true_boxes(dataset, COCOOutput(tmp_path / 'coco.json'))['turned'] == 1
    assert json.loads((tmp_path / 'coco.json').read_text())['images'][1]['width'] == 20


@pytest.mark.parametrize(
    ('stated', 'turned', 'fits'),
    [((20, 10), 1, True), ((10, 20), 0, True), ((40, 20), 1, False), ((20, 40), 1, False)],
)
def test_the_size_of_a_turned_image_is_that_to_which_its_boxes_belong(dataset, tmp_path, stated, turned, fits):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (20, 10)).save(tmp_path / 'turned.jpg', exif=exif)
    size = AnnotatedSize('a.json', *stated)
    row = dict(dataset.get_data_info(0), img_path=str(tmp_path / 'turned.jpg'), annotated_size=size)
    rows = type('Rows', (), dict(__len__=lambda _: 1, get_data_info=lambda *_: row, metainfo=dataset.metainfo))()
    output = COCOOutput(tmp_path / 'coco.json')
    if fits:
        assert write_true_boxes(rows, output)['turned'] == turned
        (image,) = json.loads((tmp_path / 'coco.json').read_text())['images']
        assert (image['width'], image['height']) == stated
    else:
        with pytest.raises(
            ValueError, match=rf'turned\.jpg: .*, but a\.json annotates it as {stated[0]}x{stated[1]}: '
        ):
            write_true_boxes(rows, output)
        assert not (tmp_path / 'coco.json').exists()


def test_a_file_that_is_there_is_kept(dataset, tmp_path):
    (tmp_path / 'coco.json').write_text('{}')
    with pytest.raises(FileExistsError, match=r'coco\.json: is there already'):
        write_true_boxes(dataset, COCOOutput(tmp_path / 'coco.json'))
    assert (tmp_path / 'coco.json').read_text() == '{}'


def test_a_data_set_without_boxes(tiny_config, tmp_path):
    with pytest.raises(ValueError, match=r'\.jpg: the data set has no boxes; set dataset\.boxes'):
        write_true_boxes(build_dataset(tiny_config, 'train'), COCOOutput(tmp_path / 'coco.json'))
    assert not list(tmp_path.glob('*coco*'))
