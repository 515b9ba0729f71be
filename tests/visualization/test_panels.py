import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmtscam.structures import LocDataSample, MapKind
from mmtscam.visualization import draw_panels
from mmtscam.visualization.drawing import PREDICTED_COLOR, TRUE_COLOR, heat_colors, overlay_map

GREY = 90
HEIGHT = 240
CAPTION = 44
GAP = 6
LEGEND = 25
NARROWEST = 192


def _image(height=HEIGHT, width=HEIGHT):
    return np.full((height, width, 3), GREY, np.uint8)


def _sample(box=(20, 30, 120, 180), truth=((60, 50, 200, 190),), maps=None, label=1, asked=None):
    sample = LocDataSample()
    sample.set_pred_label(label).set_pred_score(torch.tensor([0.1, 0.6, 0.3]))
    if asked is not None:
        sample.set_query_label(asked)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 0.0, 5.0, 5.0], list(map(float, box))]), labels=torch.tensor([2, label])
    )
    maps = {name: torch.rand(2, 14, 14) for name in ('coupled', 'attention', 'semantic')} if maps is None else maps
    kinds = tuple(MapKind(name, f'{name} map', name == 'attention') for name in maps)
    drawn = dict(map_kind=kinds[0].name, map_kinds=kinds) if kinds else {}
    sample.class_maps = InstanceData(
        labels=torch.tensor([2, label]),
        maps=maps[kinds[0].name] if kinds else torch.rand(2, 14, 14),
        **maps,
        metainfo=dict(threshold=0.1, **drawn),
    )
    if truth is not None:
        sample.set_gt_label(0)
        boxes = torch.tensor(truth, dtype=torch.float32).reshape(-1, 4)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.int64))
    return sample


def _panels(picture, width=HEIGHT, height=HEIGHT, count=5, row=0, rows=1):
    """Cut a row of a picture into panels."""
    column = max(width, NARROWEST)
    assert picture.shape == (rows * (CAPTION + height + GAP) + LEGEND, count * column + (count - 1) * GAP, 3)
    assert picture.dtype == np.uint8
    top = row * (CAPTION + height + GAP) + CAPTION
    lefts = [number * (column + GAP) + (column - width) // 2 for number in range(count)]
    return [picture[top : top + height, left : left + width] for left in lefts]


def _is(pixels, color):
    return bool((pixels == color).all())


@pytest.mark.parametrize(
    ('height', 'width', 'shown'),
    [
        (240, 240, (240, 240)),
        (100, 200, (240, 480)),
        (500, 300, (240, 144)),
        (480, 1, (240, 1)),
        (1, 1, (240, 240)),
        (100, 20_000, (2, 480)),
    ],
)
def test_shape(height, width, shown):
    sample = _sample(box=(0, 0, 1, 1), truth=((0, 0, 1, 1),))
    _panels(draw_panels(_image(height, width), sample), width=shown[1], height=shown[0])


def test_a_higher_panel_has_larger_letters():
    small, large = (draw_panels(_image(), _sample(), height=height) for height in (240, 480))
    assert large.shape[1] == 5 * 480 + 4 * GAP
    assert large.shape[0] - 480 > 1.7 * (small.shape[0] - 240)


def test_image_three_maps_and_boxes():
    image = np.random.default_rng(0).integers(0, 256, (240, 240, 3), dtype=np.uint8)
    panels = _panels(draw_panels(image, _sample()))
    assert np.array_equal(panels[0], image)
    assert not any(np.array_equal(panel, image) for panel in panels[1:])
    inside = panels[4][80:100, 80:100]
    assert np.array_equal(inside, image[80:100, 80:100])


def test_the_arguments_stay_as_they_are():
    image, sample = _image(), _sample()
    before = sample.class_maps.attention.clone()
    draw_panels(image, sample)
    assert (image == GREY).all()
    assert torch.equal(sample.class_maps.attention, before)


def test_only_the_maps_that_are_there():
    maps = dict(semantic=torch.rand(2, 14, 14))
    _panels(draw_panels(_image(), _sample(maps=maps)), count=3)
    # Maps of other code, without a name.
    _panels(draw_panels(_image(), _sample(maps={})), count=3)


@pytest.mark.parametrize('kind', ['coupled', 'attention', 'semantic'])
def test_the_map_beside_the_box_is_the_one_it_was_drawn_from(kind):
    image, sample = _image(), _sample()
    sample.class_maps.set_metainfo(dict(map_kind=kind))
    sample.class_maps.maps = sample.class_maps[kind]
    panels = _panels(draw_panels(image, sample))
    assert np.array_equal(panels[-2], overlay_map(image, sample.class_maps.maps[1].numpy()))
    others = [name for name in ('coupled', 'attention', 'semantic') if name != kind]
    for panel, name in zip(panels[1:-2], others, strict=True):
        assert np.array_equal(panel, overlay_map(image, sample.class_maps[name][1].numpy()))
    # The legend names it.
    pictures = [draw_panels(image, sample, draw_pred=wanted)[-LEGEND:] for wanted in (True, False)]
    assert not np.array_equal(*pictures)


@pytest.mark.parametrize('changes', [dict(views=4), dict(zoom=True), dict(threshold=0.2)])
def test_the_legend_says_how_boxes_were_drawn(changes):
    sample = _sample()
    before = draw_panels(_image(), sample)
    sample.class_maps.set_metainfo(dict(views=1, crops=0, zoom=False))
    assert np.array_equal(draw_panels(_image(), sample), before)
    sample.class_maps.set_metainfo(changes)
    after = draw_panels(_image(), sample)
    assert np.array_equal(after[:-LEGEND], before[:-LEGEND])
    assert not np.array_equal(after[-LEGEND:], before[-LEGEND:])


def test_a_row_for_each_class_that_is_asked_for():
    picture = draw_panels(_image(), _sample(asked=[2, 1]))
    first, second = (_panels(picture, row=row, rows=2) for row in range(2))
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[3], second[3])
    for row, color in ((first[4], GREY), (second[4], PREDICTED_COLOR)):
        assert _is(row[60:150, 20], color)


def test_boxes_stand_where_they_belong():
    last = _panels(draw_panels(_image(), _sample()))[-1]
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


@pytest.mark.parametrize(('draw_gt', 'draw_pred'), [(True, False), (False, True), (False, False)])
def test_boxes_that_are_not_wanted(draw_gt, draw_pred):
    picture = draw_panels(_image(), _sample(), draw_gt=draw_gt, draw_pred=draw_pred)
    for color, wanted in ((TRUE_COLOR, draw_gt), (PREDICTED_COLOR, draw_pred)):
        # Neither in the panel nor in the legend.
        assert (picture == color).all(axis=-1).any() == wanted


@pytest.mark.parametrize(('thr', 'drawn'), [(0.0, (True, True)), (0.3, (True, True)), (0.4, (False, True)), (1, ())])
def test_boxes_of_low_scores(thr, drawn):
    sample = _sample(asked=[2, 1])
    picture, whole = draw_panels(_image(), sample, pred_score_thr=thr), draw_panels(_image(), sample)
    for row, wanted in enumerate(drawn or (False, False)):
        (*maps, boxed), (*expected, _) = (_panels(each, row=row, rows=2) for each in (picture, whole))
        assert all(map(np.array_equal, maps, expected))
        assert (boxed == PREDICTED_COLOR).all(axis=-1).any() == wanted
        assert (boxed == TRUE_COLOR).all(axis=-1).any()
    # The legend, and the IoU in the caption of the second row.
    assert (picture[-LEGEND:] == PREDICTED_COLOR).all(axis=-1).any() == any(drawn)
    captions = slice(CAPTION + HEIGHT + GAP, 2 * CAPTION + HEIGHT + GAP)
    assert np.array_equal(picture[captions], whole[captions]) == any(drawn)


@pytest.mark.parametrize(('height', 'width'), [(480, 480), (120, 180)])
def test_boxes_are_scaled_with_the_image(height, width):
    scale = 240 / height
    box, truth = (10, 20, 60, 80), (90, 30, 110, 100)
    picture = draw_panels(_image(height, width), _sample(box=box, truth=(truth,)))
    last = _panels(picture, width=round(width * scale))[-1]
    for (x1, y1, x2, y2), color in ((box, PREDICTED_COLOR), (truth, TRUE_COLOR)):
        x1, y1, x2, y2 = (round(value * scale) for value in (x1, y1, x2, y2))
        for x, y in ((x1, (y1 + y2) // 2), (x2, (y1 + y2) // 2), ((x1 + x2) // 2, y1), ((x1 + x2) // 2, y2)):
            assert _is(last[y, x], color), (x, y)


def test_the_edges_of_a_box_as_large_as_the_image_are_seen():
    last = _panels(draw_panels(_image(), _sample(box=(0, 0, 240, 240), truth=None)))[-1]
    for edge in (last[0], last[-1], last[:, 0], last[:, -1]):
        assert _is(edge, PREDICTED_COLOR)


def test_several_true_boxes():
    truth = ((150, 10, 170, 40), (180, 60, 210, 90))
    last = _panels(draw_panels(_image(), _sample(truth=truth)))[-1]
    assert _is(last[25, 150], TRUE_COLOR)
    assert _is(last[75, 210], TRUE_COLOR)


@pytest.mark.parametrize('truth', [None, ()])
def test_without_true_boxes(truth):
    picture = draw_panels(_image(), _sample(truth=truth))
    assert _is(_panels(picture)[-1][100, 20], PREDICTED_COLOR)
    assert not (picture == TRUE_COLOR).all(axis=-1).any()


@pytest.mark.parametrize('value', [0.0, 1.0, 3.3, -7.0, float('nan')])
def test_a_constant_map_has_one_colour(value):
    maps = {name: torch.full((2, 14, 14), value) for name in ('coupled', 'attention', 'semantic')}
    nothing = 0.4 * GREY + 0.6 * heat_colors(np.zeros(1))[0]
    for panel in _panels(draw_panels(_image(), _sample(maps=maps)))[1:4]:
        assert (panel == panel[0, 0]).all()
        assert np.abs(panel[0, 0] - nothing).max() <= 1


def test_a_map_is_bright_where_it_is_high():
    score_map = torch.zeros(2, 15, 15)
    score_map[0, 10:13, 10:13] = 1  # of the other class
    score_map[1, 2:5, 8:11] = 1
    maps = dict(coupled=score_map, semantic=-score_map)
    _, semantic, coupled, _ = _panels(draw_panels(_image(), _sample(maps=maps)), count=4)
    high, low = (3 * 16 + 8, 9 * 16 + 8), (11 * 16 + 8, 11 * 16 + 8)
    assert coupled[high].sum() > coupled[low].sum() + 100
    assert semantic[low].sum() > semantic[high].sum() + 100


def test_captions_name_the_classes():
    image, sample = _image(), _sample()
    plain = draw_panels(image, sample)
    named = draw_panels(image, sample, classes=('Grebe', 'Tern', 'Wren'))
    other = draw_panels(image, sample, classes=('Grebe', 'Gull', 'Wren'))
    assert np.array_equal(plain[CAPTION:], named[CAPTION:])
    assert not np.array_equal(plain[:CAPTION, :240], named[:CAPTION, :240])
    assert not np.array_equal(named[:CAPTION, -240:], other[:CAPTION, -240:])
    assert np.array_equal(named[:CAPTION, :240], other[:CAPTION, :240])
    # Fewer names than classes: the rest go by their numbers.
    few = draw_panels(image, sample, classes=('Grebe',))
    assert np.array_equal(few[:CAPTION, -240:], plain[:CAPTION, -240:])
    # Underscores are spaces.
    folder = draw_panels(image, sample, classes=('', 'Arctic_Tern', ''))
    assert np.array_equal(folder, draw_panels(image, sample, classes=('', 'Arctic Tern', '')))


def test_maps_of_half_precision():
    maps = dict(coupled=torch.rand(2, 14, 14).half(), attention=torch.rand(2, 14, 14).bfloat16())
    _panels(draw_panels(_image(), _sample(maps=maps)), count=4)
