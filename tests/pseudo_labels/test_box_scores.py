import json

import pytest

from mmtscam.pseudo_labels.box_scores import score_boxes


@pytest.fixture
def files(tmp_path):
    """Files of boxes ``(image, category, box, score)`` and of true ones, without scores."""

    def files(boxes, truth, categories=('a', 'b'), images=4):
        paths = []
        for name, rows in (('boxes', boxes), ('truth', truth)):
            names = [f'{number}.jpg' for number in range(images)]
            order = names if name == 'truth' else names[::-1]  # ids differ
            content = dict(
                images=[dict(id=index, file_name=file, width=100, height=100) for index, file in enumerate(order)],
                categories=[dict(id=label + 1, name=each) for label, each in enumerate(categories)],
                annotations=[
                    dict(
                        id=index + 1,
                        image_id=order.index(f'{image}.jpg'),
                        category_id=categories.index(category) + 1,
                        bbox=[x1, y1, x2 - x1, y2 - y1],
                        area=(x2 - x1) * (y2 - y1),
                        iscrowd=0,
                        **({} if score is None else dict(score=score)),
                    )
                    for index, (image, category, (x1, y1, x2, y2), score) in enumerate(rows)
                ],
            )
            paths.append(tmp_path / f'{name}.json')
            paths[-1].write_text(json.dumps(content))
        return paths

    return files


SQUARE = (0, 0, 10, 10)
TRUTH = [(image, category, SQUARE, None) for image, category in enumerate('aabb')]
COUNTS = {'images': 4, 'with a true box': 4, 'not listed': 0}


def test_perfect_boxes(files):
    scores = score_boxes(*files([(*row[:3], 0.5) for row in TRUTH], TRUTH))
    assert scores == pytest.approx(dict(AP=100, AP50=100, AP75=100, CorLoc=100, **COUNTS))


@pytest.mark.parametrize('shifted', [0, 1])
def test_files_with_another_first_category_agree(files, shifted):
    paths = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    content = json.loads(paths[shifted].read_text())
    for each in content['categories']:
        each['id'] -= 1
    for each in content['annotations']:
        each['category_id'] -= 1
    paths[shifted].write_text(json.dumps(content))
    assert score_boxes(*paths) == pytest.approx(dict(AP=100, AP50=100, AP75=100, CorLoc=100, **COUNTS))


def test_levels_of_iou(files):
    """IoU 0.6 in every image: right at 0.5, 0.55 and 0.6 of the ten levels."""
    scores = score_boxes(*files([(image, kind, (0, 0, 10, 6), None) for image, kind, *_ in TRUTH], TRUTH))
    assert scores == pytest.approx(dict(AP=30, AP50=100, AP75=0, CorLoc=100, **COUNTS))


def test_average_precision_by_hand(files):
    """Average precision of class a, whose better score is wrong, and of class b, which has one of two boxes.

    Class a has precision 0 at first, then 1/2, up to a recall of 1/2.

    COCO reads precision at 101 recalls: 51 of them are at most 1/2.
    """
    boxes = [(0, 'a', (50, 50, 60, 60), 0.9), (1, 'a', SQUARE, 0.8), (2, 'b', SQUARE, 0.7)]
    scores = score_boxes(*files(boxes, TRUTH))
    assert scores['AP50'] == pytest.approx(100 * (51 / 101 * 0.5 + 51 / 101 * 1.0) / 2)
    assert scores['CorLoc'] == pytest.approx(50)


def test_the_best_box_of_an_image_decides_on_corloc(files):
    boxes = [(0, 'a', SQUARE, 0.6), (0, 'a', (50, 50, 60, 60), 0.7), (1, 'a', SQUARE, 0.7), (1, 'a', (1, 1, 9, 9), 0.6)]
    assert score_boxes(*files(boxes, TRUTH))['CorLoc'] == pytest.approx(25)


def test_images_without_an_object_do_not_count_for_corloc(files):
    scores = score_boxes(*files([(*row[:3], 0.5) for row in TRUTH[:2]], TRUTH[1:3]))
    assert scores['CorLoc'] == pytest.approx(50)
    assert (scores['images'], scores['with a true box']) == (4, 2)


def test_any_category_will_do(files):
    paths = files([(image, 'b', SQUARE, 0.5) for image in range(4)], TRUTH)
    assert score_boxes(*paths)['AP50'] == pytest.approx(25)  # of b, half of the boxes are right; of a there is none
    assert score_boxes(*paths, class_agnostic=True)['AP50'] == pytest.approx(100)


@pytest.mark.parametrize('ids', [[0, 1, 2, 3], [5, 5, 5, 5]])
def test_ids_of_annotations_do_not_matter(files, ids):
    """To COCO's evaluation a true box of id 0 is never found, and of equal ids one alone is."""
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    content = json.loads(truth.read_text())
    for each, number in zip(content['annotations'], ids, strict=True):
        each['id'] = number
    truth.write_text(json.dumps(content))
    assert score_boxes(boxes, truth) == pytest.approx(dict(AP=100, AP50=100, AP75=100, CorLoc=100, **COUNTS))


@pytest.mark.parametrize(('ids', 'expected'), [((9, 10), 51 / 101), ((10, 9), 51 / 101 / 2)])
def test_equal_scores_are_taken_by_the_ids_of_images(files, ids, expected):
    """COCO's rule, wherever an image stands in the file: the first image's box is right, the second one's is not."""
    rows = [(0, 'a', SQUARE, None), (1, 'a', (50, 50, 60, 60), None)]
    boxes, truth = files(rows, [(image, 'a', SQUARE, None) for image in range(2)], images=2)
    content = json.loads(truth.read_text())
    for each in content['images']:
        each['id'] = ids[each['id']]
    for each in content['annotations']:
        each['image_id'] = ids[each['image_id']]
    truth.write_text(json.dumps(content))
    assert score_boxes(boxes, truth)['AP50'] == pytest.approx(100 * expected)


def test_crowds_are_no_true_boxes(files):
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH[1:]], TRUTH)
    content = json.loads(truth.read_text())
    content['annotations'][0]['iscrowd'] = 1
    truth.write_text(json.dumps(content))
    counts = {'images': 4, 'with a true box': 3, 'not listed': 0}
    assert score_boxes(boxes, truth) == pytest.approx(dict(AP=100, AP50=100, AP75=100, CorLoc=100, **counts))
    for each in content['annotations']:
        each['iscrowd'] = 1
    truth.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'truth\.json: has no boxes with which to compare \(crowds do not count\)$'):
        score_boxes(boxes, truth)


def test_no_box_at_all(files):
    assert score_boxes(*files([], TRUTH)) == dict(AP=0, AP50=0, AP75=0, CorLoc=0, **COUNTS)


def test_files_of_other_data_sets_are_refused(files, tmp_path):
    boxes, truth = files(TRUTH, TRUTH)
    content = json.loads(boxes.read_text())
    content['images'][0]['file_name'] = 'other.jpg'
    boxes.write_text(json.dumps(content))
    with pytest.raises(
        ValueError,
        match=r"boxes\.json: image 'other\.jpg' is not among those of .*truth\.json, such as '0\.jpg'; both must name ",
    ):
        score_boxes(boxes, truth)
    content['images'][0]['file_name'] = '3.jpg'
    content['categories'][0]['name'] = 'c'
    boxes.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"category 'c' is not among .* or use class_agnostic=True"):
        score_boxes(boxes, truth)
    boxes.write_text('[]')
    with pytest.raises(ValueError, match=r"boxes\.json: not a COCO file: it has no list 'images'"):
        score_boxes(boxes, truth)
    boxes.write_text('hello')
    with pytest.raises(ValueError, match=r'boxes\.json: not a readable json file'):
        score_boxes(boxes, truth)


def test_files_in_the_wrong_order_are_refused(files):
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    with pytest.raises(ValueError, match=r'boxes\.json: its boxes have scores .*; the true ones come second'):
        score_boxes(truth, boxes)


def test_truth_without_boxes_and_entries_that_lack_something(files):
    boxes, truth = files(TRUTH, [])
    with pytest.raises(ValueError, match=r'truth\.json: has no boxes with which to compare'):
        score_boxes(boxes, truth)
    boxes, truth = files(TRUTH, TRUTH)
    content = json.loads(truth.read_text())
    for annotation in content['annotations']:
        del annotation['iscrowd'], annotation['area']
    truth.write_text(json.dumps(content))
    assert score_boxes(boxes, truth)['AP'] == pytest.approx(100)
    for change, said in (
        (dict(bbox=[1, 2, 3]), r'annotations\[1\]: bbox must be x, y, width, height, got \[1, 2, 3\]'),
        (dict(image_id=77), r'annotations\[1\]: image 77 is not among the images'),
    ):
        broken = json.loads(json.dumps(content))
        broken['annotations'][1].update(change)
        truth.write_text(json.dumps(broken))
        with pytest.raises(ValueError, match=rf'truth\.json: {said}'):
            score_boxes(boxes, truth)
    del content['images'][0]['file_name']
    truth.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"truth\.json: images\[0\]: it has no 'file_name'"):
        score_boxes(boxes, truth)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(bbox=3), 'bbox must be x, y, width, height, got 3'),
        (dict(bbox=[0, 0, 1, '1']), "bbox must be x, y, width, height, got \\[0, 0, 1, '1'\\]"),
        (dict(bbox=[0, 0, 1, float('inf')]), 'bbox must be x, y, width, height'),
        (dict(bbox=[0, 0, 1, 10**400]), 'bbox must be x, y, width, height'),
        (dict(score='1'), "score must be a number, got '1'"),
        (dict(score=float('nan')), 'score must be a number, got nan'),
        (dict(iscrowd='no'), "iscrowd must be a number, got 'no'"),
        (dict(iscrowd=-1), 'iscrowd must be 0 or 1, got -1'),
        (dict(area=[1]), r'area must be a number, got \[1\]'),
        (dict(image_id=[1]), r"'image_id' must be a number or a string, got \[1\]"),
        (dict(category_id={}), "'category_id' must be a number or a string"),
        (dict(bbox=[9, 9, -3, 2]), r'the box has a negative side, \[9, 9, -3, 2\]: correct it to x, y, width, height'),
        (dict(bbox=[9, 9, 3, -0.5]), 'the box has a negative side, '),
        (dict(area=-1), 'area must not be negative, got -1: correct it or leave it out'),
    ],
)
def test_values_of_another_type_are_refused(files, changes, said):
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    content = json.loads(boxes.read_text())
    content['annotations'][1].update(changes)
    boxes.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf'boxes\.json: annotations\[1\]: {said}'):
        score_boxes(boxes, truth)


def test_ids_may_be_names(files):
    """COCO's code sorts ids and takes the id 0 of a true box for none."""
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    content = json.loads(truth.read_text())
    for each in content['images']:
        each['id'] = f'image {each["id"]}' if each['id'] else 0
    for number, each in enumerate(content['annotations']):
        each.update(id=number, image_id=f'image {each["image_id"]}' if each['image_id'] else 0)
    truth.write_text(json.dumps(content))
    assert score_boxes(boxes, truth) == pytest.approx(dict(AP=100, AP50=100, AP75=100, CorLoc=100, **COUNTS))


def _change(path, section, index, **changes):
    content = json.loads(path.read_text())
    content[section][index].update(changes)
    path.write_text(json.dumps(content))


def test_a_score_that_is_missing_among_others_is_refused(files):
    """It would count as certain, and its box would be the best."""
    boxes, truth = files([(*row[:3], None if index == 2 else 0.5) for index, row in enumerate(TRUTH)], TRUTH)
    with pytest.raises(
        ValueError,
        match=r'boxes\.json: annotations\[2\]: it has no score, unlike others \(1 of 4 have none\): give each',
    ):
        score_boxes(boxes, truth)


@pytest.mark.parametrize(
    ('size', 'advice'),
    [
        (dict(width=50, height=40), 'scale the boxes of one file and state one size in both'),
        (dict(width=80, height=100), 'one may hold the boxes of the image as its EXIF orientation turns it'),
    ],
)
def test_an_image_of_two_sizes_is_refused(files, size, advice):
    """Its boxes would be compared as if they were of one size."""
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    _change(truth, 'images', 1, width=100, height=80)
    _change(boxes, 'images', 2, **size)  # they come in the other order
    with pytest.raises(
        ValueError,
        match=rf"boxes\.json: image '1\.jpg' has {size['width']}x{size['height']} pixels there and 100x80 in "
        rf'.*truth\.json: {advice}',
    ):
        score_boxes(boxes, truth)
    for unknown in (dict(width=0, height=0), dict(width=None)):
        _change(boxes, 'images', 2, **unknown)
        assert score_boxes(boxes, truth)['CorLoc'] == 100


def test_images_that_are_not_listed_are_misses_and_counted(files):
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    content = json.loads(boxes.read_text())
    content['images'] = [each for each in content['images'] if each['file_name'] in ('0.jpg', '2.jpg', '3.jpg')]
    kept = {each['id'] for each in content['images']}
    content['annotations'] = [each for each in content['annotations'] if each['image_id'] in kept]
    boxes.write_text(json.dumps(content))
    scores = score_boxes(boxes, truth)
    assert (scores['CorLoc'], scores['images'], scores['not listed']) == (75, 4, 1)


@pytest.mark.parametrize('place', [0, 1])
@pytest.mark.parametrize('section, key', [('categories', 'name'), ('images', 'file_name')])
def test_two_of_one_name_are_refused(files, place, section, key):
    paths = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    _change(paths[place], section, 1, **{key: json.loads(paths[place].read_text())[section][0][key]})
    name = ('boxes', 'truth')[place]
    with pytest.raises(
        ValueError, match=rf"{name}\.json: {section}\[1\]: another one is called '.*' too, .*: join the two"
    ):
        score_boxes(*paths)
    if section == 'categories':
        assert score_boxes(*paths, class_agnostic=True)['CorLoc'] == 100


@pytest.mark.parametrize('side', [2, 3])
def test_boxes_without_an_area_overlap_nothing_as_in_coco(files, side):
    """COCO takes them; its training boxes have some."""
    boxes, truth = files([(*row[:3], 0.5) for row in TRUTH], TRUTH)
    flat = [0, 0, 10, 10]
    _change(boxes, 'annotations', 0, bbox=[50, 50, 10, 10])
    elsewhere = score_boxes(boxes, truth)
    flat[side] = 0
    _change(boxes, 'annotations', 0, bbox=flat, area=0)
    assert score_boxes(boxes, truth) == elsewhere
    assert elsewhere['CorLoc'] == 75
    _change(truth, 'annotations', 0, bbox=flat, area=0)
    assert score_boxes(boxes, truth)['CorLoc'] == 75
