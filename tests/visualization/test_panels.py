import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmtscam.structures import LocDataSample
from mmtscam.visualization import draw_panels
from mmtscam.visualization.panels import PREDICTED_COLOR, TRUE_COLOR

GREY = 90
CAPTION = 24
GAP = 4


def _image(height, width):
    return np.full((height, width, 3), GREY, np.uint8)


def _sample(box=(20, 30, 120, 180), truth=((60, 50, 200, 190),), maps=None, label=1):
    sample = LocDataSample()
    sample.set_pred_label(label).set_pred_score(torch.tensor([0.1, 0.6, 0.3]))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 0.0, 5.0, 5.0], list(map(float, box))]), labels=torch.tensor([2, label])
    )
    maps = {name: torch.rand(2, 14, 14) for name in ('coupled', 'attention', 'semantic')} if maps is None else maps
    sample.class_maps = InstanceData(
        labels=torch.tensor([2, label]), maps=torch.rand(2, 14, 14), **maps, metainfo=dict(threshold=0.1)
    )
    if truth is not None:
        sample.set_gt_label(0)
        boxes = torch.tensor(truth, dtype=torch.float32).reshape(-1, 4)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.int64))
    return sample


def _panels(picture, width, count):
    """Cut a picture into captions and panels."""
    assert picture.shape == (224 + CAPTION, count * width + (count - 1) * GAP, 3)
    assert picture.dtype == np.uint8
    starts = [number * (width + GAP) for number in range(count)]
    for start in starts[1:]:
        assert (picture[:, start - GAP : start] == 255).all()
    return [picture[CAPTION:, start : start + width] for start in starts]


def _is(pixels, color):
    return bool((pixels == color).all())


@pytest.mark.parametrize(('height', 'width', 'shown'), [(224, 224, 224), (100, 200, 448), (500, 300, 134), (448, 1, 1)])
def test_shape(height, width, shown):
    sample = _sample(box=(0, 0, 1, 1), truth=((0, 0, 1, 1),))
    _panels(draw_panels(_image(height, width), sample), shown, count=5)


def test_image_three_maps_and_boxes():
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    panels = _panels(draw_panels(image, _sample()), 224, count=5)
    assert np.array_equal(panels[0], image)
    assert not any(np.array_equal(panel, image) for panel in panels[1:])
    inside = panels[4][80:100, 80:100]
    assert np.array_equal(inside, image[80:100, 80:100])


def test_the_arguments_stay_as_they_are():
    image, sample = _image(224, 224), _sample()
    before = sample.class_maps.attention.clone()
    draw_panels(image, sample)
    assert (image == GREY).all()
    assert torch.equal(sample.class_maps.attention, before)


def test_only_the_maps_that_are_there():
    maps = dict(semantic=torch.rand(2, 14, 14))
    _panels(draw_panels(_image(224, 224), _sample(maps=maps)), 224, count=3)
    _panels(draw_panels(_image(224, 224), _sample(maps={})), 224, count=2)


def test_boxes_stand_where_they_belong():
    last = _panels(draw_panels(_image(224, 224), _sample()), 224, count=5)[-1]
    assert _is(last[40:170, 20], PREDICTED_COLOR)
    assert _is(last[40:170, 120], PREDICTED_COLOR)
    assert _is(last[30, 30:110], PREDICTED_COLOR)
    assert _is(last[180, 30:110], PREDICTED_COLOR)
    assert _is(last[60:180, 200], TRUE_COLOR)
    assert _is(last[190, 70:190], TRUE_COLOR)
    assert _is(last[60:175, 70:115], GREY)  # in both, and on no edge
    assert _is(last[:25], GREY)
    # The box of another class than the predicted one is not drawn.
    assert _is(last[:8, :8], GREY)


@pytest.mark.parametrize(('height', 'width'), [(448, 448), (112, 168)])
def test_boxes_are_scaled_with_the_image(height, width):
    scale = 224 / height
    box, truth = (10, 20, 60, 80), (80, 30, 100, 90)
    picture = draw_panels(_image(height, width), _sample(box=box, truth=(truth,)))
    last = _panels(picture, round(width * scale), count=5)[-1]
    for (x1, y1, x2, y2), color in ((box, PREDICTED_COLOR), (truth, TRUE_COLOR)):
        x1, y1, x2, y2 = (round(value * scale) for value in (x1, y1, x2, y2))
        for x, y in ((x1, (y1 + y2) // 2), (x2, (y1 + y2) // 2), ((x1 + x2) // 2, y1), ((x1 + x2) // 2, y2)):
            assert _is(last[y, x], color), (x, y)


def test_the_edges_of_a_box_as_large_as_the_image_are_seen():
    last = _panels(draw_panels(_image(224, 224), _sample(box=(0, 0, 224, 224))), 224, count=5)[-1]
    for edge in (last[0], last[-1], last[:, 0], last[:, -1]):
        assert _is(edge, PREDICTED_COLOR)


def test_several_true_boxes():
    truth = ((150, 10, 170, 40), (180, 60, 210, 90))
    last = _panels(draw_panels(_image(224, 224), _sample(truth=truth)), 224, count=5)[-1]
    assert _is(last[25, 150], TRUE_COLOR)
    assert _is(last[75, 210], TRUE_COLOR)


def test_without_ground_truth():
    last = _panels(draw_panels(_image(224, 224), _sample(truth=None)), 224, count=5)[-1]
    assert _is(last[100, 20], PREDICTED_COLOR)
    assert not (last == TRUE_COLOR).all(axis=-1).any()


def test_an_empty_list_of_true_boxes():
    last = _panels(draw_panels(_image(224, 224), _sample(truth=())), 224, count=5)[-1]
    assert _is(last[100, 20], PREDICTED_COLOR)
    assert not (last == TRUE_COLOR).all(axis=-1).any()


@pytest.mark.parametrize('value', [0.0, 1.0, 3.3, -7.0, float('nan')])
def test_a_constant_map_has_one_colour(value):
    maps = {name: torch.full((2, 14, 14), value) for name in ('coupled', 'attention', 'semantic')}
    panels = _panels(draw_panels(_image(224, 224), _sample(maps=maps)), 224, count=5)
    for panel in panels[1:4]:
        assert (panel == panel[0, 0]).all()
        assert panel[0, 0, 2] > panel[0, 0, 0]  # the colour of nothing is blue


def test_a_map_is_hot_where_it_is_high():
    score_map = torch.zeros(2, 14, 14)
    score_map[0, 10:13, 10:13] = 1  # of the other class
    score_map[1, 2:5, 8:11] = 1
    maps = dict(coupled=score_map, semantic=-score_map)
    _, semantic, coupled, _ = _panels(draw_panels(_image(224, 224), _sample(maps=maps)), 224, count=4)
    hot, cold = (3 * 16 + 8, 9 * 16 + 8), (11 * 16 + 8, 11 * 16 + 8)
    assert coupled[hot][0] > coupled[hot][2]  # red above blue
    assert coupled[cold][2] > coupled[cold][0]
    assert semantic[hot][2] > semantic[hot][0]
    assert semantic[cold][0] > semantic[cold][2]


def test_captions_name_the_classes():
    image, sample = _image(224, 224), _sample()
    plain = draw_panels(image, sample)
    named = draw_panels(image, sample, classes=('Grebe', 'Tern', 'Wren'))
    other = draw_panels(image, sample, classes=('Grebe', 'Gull', 'Wren'))
    assert np.array_equal(plain[CAPTION:], named[CAPTION:])
    assert not np.array_equal(plain[:CAPTION, :224], named[:CAPTION, :224])
    assert not np.array_equal(named[:CAPTION, -224:], other[:CAPTION, -224:])
    assert np.array_equal(named[:CAPTION, :224], other[:CAPTION, :224])
    # Fewer names than classes: the rest go by their numbers.
    few = draw_panels(image, sample, classes=('Grebe',))
    assert np.array_equal(few[:CAPTION, -224:], plain[:CAPTION, -224:])


def test_maps_of_half_precision():
    maps = dict(coupled=torch.rand(2, 14, 14).half(), attention=torch.rand(2, 14, 14).bfloat16())
    _panels(draw_panels(_image(224, 224), _sample(maps=maps)), 224, count=4)
