import json

import pytest

from mmtscam.datasets.coco import COCOFile


def _open(root, content=None):
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (root / 'coco.json').write_text(text)
    return COCOFile(str(root), 'coco.json', 'images', 'bbox')


def test_objects_of_an_image(coco_root):
    file = _open(coco_root)
    objects = file.objects(f'{coco_root}/images/a/one.jpg')
    assert [found.category for found in objects] == ['dog', 'dog', 'dog', 'cat']
    assert [found.crowd for found in objects] == [False, False, True, False]
    assert objects[1].value == [4.5, 0, 1.25, 5]
    assert objects[3].where == f'{coco_root}/coco.json: annotations[3]'
    assert file.objects_of_class(f'{coco_root}/images/a/one.jpg', 'cat') == objects[3:]
    assert file.objects(f'{coco_root}/images/unlisted.jpg') == []
    assert file.size(f'{coco_root}/images/two.jpg') == (5, 6)
    assert file.image_id(f'{coco_root}/images/two.jpg') == 11
    assert file.image_id(f'{coco_root}/images/unlisted.jpg') is None


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path}/coco.json: annotation file not found'):
        _open(tmp_path)


@pytest.mark.parametrize('content', ['{"images": [', ''])
def test_no_json(tmp_path, content):
    with pytest.raises(ValueError, match=f'^{tmp_path}/coco.json: not a readable json file: '):
        _open(tmp_path, content)


@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        (lambda data: data.pop('images'), "not a COCO file: it has no list 'images'"),
        (lambda data: data.update(annotations={}), "not a COCO file: it has no list 'annotations'"),
        (lambda data: data['categories'][1].pop('name'), "categories[1]: it has no 'name'"),
        (lambda data: data['images'][2].pop('file_name'), "images[2]: it has no 'file_name'"),
        (lambda data: data['images'][2].update(file_name='a/../two.jpg'), 'images[2]: image 12 (two.jpg) is listed tw'),
        (lambda data: data['images'][2].update(id=10), 'images[2]: image 10 (bare.jpg) is listed twice'),
        (
            lambda data: data['categories'][1].update(id=data['categories'][0]['id']),
            "categories[1]: category 7 is called 'cat', and 'dog' before: give each an id of its own",
        ),
        (lambda data: data['annotations'].append(5), "annotations[6]: it has no 'image_id'"),
        (lambda data: data['annotations'][1].update(image_id=1), 'annotations[1]: image 1 is not among the images'),
        (
            lambda data: data['annotations'][1].update(image_id='10'),
            'annotations[1]: image 10, a text, is not among the images, whose id 10 is a number: give both one type',
        ),
        (
            lambda data: data['categories'][0].update(id='7'),
            'annotations[0]: category 7, a number, is not among the categories, whose id 7 is a text: give both one',
        ),
        (lambda data: data['annotations'][1].update(category_id=1), 'annotations[1]: category 1 is not among the ca'),
    ],
)
def test_no_proper_file(coco, tmp_path, change, problem):
    change(coco)
    with pytest.raises(ValueError) as caught:
        _open(tmp_path, coco)
    assert str(caught.value).startswith(f'{tmp_path}/coco.json: {problem}')


def test_a_list_is_no_coco_file(tmp_path):
    with pytest.raises(ValueError, match="not a COCO file: it has no list 'images'"):
        _open(tmp_path, [])


@pytest.mark.parametrize(
    ('class_name', 'problem'), [('bird', "no category 'bird'"), (None, 'the data set has no class names')]
)
def test_a_class_that_is_no_category(coco_root, class_name, problem):
    path = f'{coco_root}/images/two.jpg'
    with pytest.raises(ValueError) as caught:
        _open(coco_root).objects_of_class(path, class_name)
    message = str(caught.value)
    assert message.startswith(f'{coco_root}/coco.json: {problem}')
    assert path in message
    assert '(the categories are dog, cat)' in message
    assert 'set match_class=False to take every box' in message


def test_many_categories_are_shortened(coco, tmp_path):
    coco['categories'] += [dict(id=100 + index, name=f'c{index}') for index in range(78)]
    with pytest.raises(ValueError, match=r'are dog, cat, c0, c1, c2, c3, c4, c5, c6, c7, \.\.\. \(80 in all\)\)'):
        _open(tmp_path, coco).objects_of_class('two.jpg', 'bird')


@pytest.mark.parametrize('height', [None, 0, 'five'])
def test_no_size(coco, tmp_path, height):
    coco['images'][1]['height'] = height
    path = f'{tmp_path}/images/two.jpg'
    with pytest.raises(ValueError, match=f'^{tmp_path}/coco.json: no height and width of image {path}$'):
        _open(tmp_path, coco).size(path)


def test_json_that_cannot_be_read(tmp_path):
    for text, said in (
        ('[' * 100_000 + ']' * 100_000, 'it is nested too deeply'),
        ('{"images": ' + '1' * 5000 + '}', 'limit'),
    ):
        with pytest.raises(ValueError, match=f'^{tmp_path}/coco.json: not a readable json file: .*{said}'):
            _open(tmp_path, text)


def test_a_size_that_no_image_has(coco, tmp_path, monkeypatch):
    monkeypatch.setenv('MMTSCAM_MAX_IMAGE_PIXELS', '1000')
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', None)
    for size in (45, 10**6, 10**400):
        coco['images'][0].update(height=size, width=size)
        file = _open(tmp_path, coco)
        with pytest.raises(ValueError, match=rf'one\.jpg has {size}x{size} pixels, more than an image may have'):
            file.size(f'{tmp_path}/images/a/one.jpg')
    coco['images'][0].update(height=True, width=45)
    with pytest.raises(ValueError, match=r'no height and width of image'):
        _open(tmp_path, coco).size(f'{tmp_path}/images/a/one.jpg')
    coco['images'][0].update(height=44, width=45)
    assert _open(tmp_path, coco).size(f'{tmp_path}/images/a/one.jpg') == (44, 45)
