from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from mmtscam.localization import box_overlaps, boxes_to_frame, get_protocol, map_to_boxes
from mmtscam.registry import TRANSFORMS
from mmtscam.speed.inputs import draw_images
from mmtscam.speed.plain import (
    PlainBlock,
    PlainTSCAM,
    plain_box,
    plain_iou,
    plain_load,
    plain_normalize,
    plain_score,
    plain_train_step,
    plain_truth,
)

WIDTH, HEADS, HIDDEN = 12, 3, 20


def _model(drop_path=0.0, classes=6):
    model = PlainTSCAM(WIDTH, HEADS, HIDDEN, [0.0, drop_path], classes, patch=4, positions=1 + 3 * 5)
    nn.init.normal_(model.cls_token)
    nn.init.normal_(model.pos_embed)
    return model.eval()


# ------------------------------------------------------------------- the model


def test_a_block_is_pytorchs_own():
    block = PlainBlock(WIDTH, HEADS, HIDDEN, drop_path=0.5).eval()
    options = dict(dropout=0.0, activation='gelu', layer_norm_eps=1e-6, batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, **options).eval()
    names = {
        'self_attn.in_proj_': 'attn.qkv.',
        'self_attn.out_proj.': 'attn.proj.',
        'linear1.': 'mlp.fc1.',
        'linear2.': 'mlp.fc2.',
        'norm1.': 'norm1.',
        'norm2.': 'norm2.',
    }
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_()
    state = block.state_dict()
    kinds = ('weight', 'bias')
    theirs.load_state_dict({their + kind: state[our + kind] for their, our in names.items() for kind in kinds})
    tokens = torch.randn(2, 7, WIDTH)
    with torch.no_grad():
        out, attention, _ = block(tokens)
        torch.testing.assert_close(out, theirs(tokens))
        normed = theirs.norm1(tokens)
        _, weights = theirs.self_attn(normed, normed, normed, average_attn_weights=False)
        torch.testing.assert_close(attention, weights)


def test_paths_are_dropped_by_image():
    block = PlainBlock(WIDTH, HEADS, HIDDEN, drop_path=0.25)
    ones = torch.ones(2000, 3, 2)
    assert block.eval()._drop(ones) is ones
    dropped = block.train()._drop(ones)
    assert dropped.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert (dropped == dropped[:, :1, :1]).all()
    assert 0.2 < (dropped[:, 0, 0] == 0).float().mean() < 0.3


def test_maps_are_attention_times_semantic_maps():
    """Equations 3 to 7, from the blocks' attention and the head's input."""
    model, seen = _model(), {}
    model.head.register_forward_hook(lambda module, inputs, output: seen.update(semantic=output))
    for block in model.blocks:
        block.register_forward_hook(lambda module, inputs, output: seen.setdefault('attention', []).append(output[1]))
    with torch.no_grad():
        logits, maps = model(torch.randn(2, 3, 12, 20))
    assert maps.shape == (2, 6, 3, 5)
    torch.testing.assert_close(logits, seen['semantic'].mean(dim=(2, 3)))
    for image in range(2):
        rows = sum(attention[image, :, 0, 1:].mean(dim=0) for attention in seen['attention'])
        torch.testing.assert_close(maps[image], seen['semantic'][image] * rows.view(3, 5))


def test_there_are_no_maps_while_training():
    model, images = _model(), torch.randn(2, 3, 12, 20)
    logits, maps = model.train()(images)
    assert maps is None
    torch.testing.assert_close(logits, model.eval()(images)[0])


def test_a_training_step_is_a_step_of_the_optimizer():
    model, images, labels = _model().train(), torch.randn(2, 3, 12, 20), torch.tensor([1, 4])
    loss = F.cross_entropy(model(images)[0], labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    expected = [parameter - 0.1 * slope for parameter, slope in zip(model.parameters(), gradients, strict=True)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.head.weight.grad = torch.ones_like(model.head.weight)  # left by a step before
    assert plain_train_step(model, optimizer, images, labels) == pytest.approx(loss.item())
    torch.testing.assert_close(list(model.parameters()), expected)


# ---------------------------------------------------------------------- images


def test_images_are_normalised_by_colour():
    images = torch.randint(256, (2, 3, 4, 5), dtype=torch.uint8)
    mean, std = [120.0, 110.0, 100.0], [50.0, 60.0, 70.0]
    normalised = plain_normalize(images, mean, std)
    for colour in range(3):
        expected = (images[:, colour].numpy().astype(np.float32) - mean[colour]) / std[colour]
        np.testing.assert_allclose(normalised[:, colour].numpy(), expected, rtol=1e-6)


@pytest.fixture
def image_file(tmp_path):
    return draw_images(tmp_path, 1)[0]


def test_an_image_is_loaded_as_by_our_pipeline(image_file):
    ours = TRANSFORMS.build(dict(type='LoadResizedImage', scale=(40, 30)))(dict(img_path=image_file))['img']
    image = plain_load(image_file, (40, 30), crop=None, flip=False)
    assert image.is_contiguous()
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), ours[:, :, ::-1])


def test_a_crop_is_a_part_of_the_image_from_anywhere(image_file):
    whole = plain_load(image_file, (12, 10), crop=None, flip=False)
    parts = {(y, x): whole[:, y : y + 9, x : x + 9] for y in range(2) for x in range(4)}
    found = set()
    for _ in range(100):
        crop = plain_load(image_file, (12, 10), crop=9, flip=False)
        found |= {place for place, part in parts.items() if torch.equal(part, crop)}
    assert found == set(parts)


def test_every_second_image_is_mirrored(image_file):
    whole = plain_load(image_file, (12, 10), crop=None, flip=False)
    loaded = [plain_load(image_file, (12, 10), crop=None, flip=True) for _ in range(100)]
    mirrored = sum(torch.equal(image, whole.flip(2)) for image in loaded)
    assert mirrored + sum(torch.equal(image, whole) for image in loaded) == 100
    assert 30 < mirrored < 70


def test_a_grey_image_has_three_colours(tmp_path):
    Image.new('L', (8, 8), 7).save(tmp_path / 'grey.png')
    assert plain_load(str(tmp_path / 'grey.png'), (4, 4), None, False).unique().tolist() == [7]


# ----------------------------------------------------------------------- boxes


@pytest.mark.parametrize('threshold', [0.0, 0.05, 0.1, 0.37, 0.9])
def test_boxes_are_those_of_the_protocol(threshold):
    rng = np.random.default_rng(0)
    protocol = get_protocol('tscam', threshold=threshold)
    boxes = set()
    for shape in ((14, 14), (10, 10), (5, 9), (224, 224)):
        for _ in range(10):
            score_map = (rng.lognormal(sigma=2, size=shape) - 1).astype(np.float32)
            box = plain_box(score_map, threshold)
            assert [list(box)] == map_to_boxes(score_map, protocol).tolist()
            boxes.add(box)
    assert len(boxes) > (20 if threshold else 0)


def test_a_constant_map_has_the_empty_box():
    with np.errstate(invalid='ignore'):
        assert plain_box(np.ones((14, 14), np.float32), 0.1) == get_protocol('tscam').empty_box


def test_overlaps_are_those_of_the_protocol():
    rng = np.random.default_rng(0)
    edges = np.sort(rng.integers(0, 224, (80, 2, 2)), axis=1).reshape(80, 4)
    overlaps, _, _ = box_overlaps(edges, edges)
    assert (overlaps == 0).any() and (overlaps > 0.5).sum() > 80  # more than each with itself
    for first, row in zip(edges.tolist(), overlaps, strict=True):
        for second, overlap in zip(edges.tolist(), row, strict=True):
            assert plain_iou(first, second) == pytest.approx(overlap, abs=1e-12)


def test_true_boxes_are_those_of_the_protocol():
    rng = np.random.default_rng(0)
    protocol, clamped = get_protocol('tscam'), 0
    for _ in range(300):
        size = rng.integers(20, 700, 2)
        start = rng.uniform(0, 0.9, 2) * size
        end = start + rng.uniform(0.1, 1, 2) * (size - start)
        box = np.round(np.concatenate([start, end]) * 4) / 4  # exact in any precision
        box[2:] = np.where(rng.random(2) < 0.2, size, box[2:])
        framed = plain_truth(box, tuple(size.tolist()))
        assert [list(framed)] == boxes_to_frame(box, tuple(size.tolist()), protocol).tolist()
        clamped += 223 in framed
    assert clamped > 30


def _block(x1, y1, x2, y2):
    score_map = np.zeros((224, 224), np.float32)
    score_map[y1:y2, x1:x2] = 1
    return score_map


def _score(order, label, predicted, truth):
    """Classes best first, the true class, the box of its map and the true box, in an image of the frame's size."""
    maps = np.stack([_block(0, 0, 9, 9)] * 7)
    maps[label] = _block(*predicted)
    logits = np.zeros(7)
    logits[order] = np.arange(7, 0, -1)
    boxes, right = plain_score(logits[None], maps[None], [label], [truth], [(224, 224)], threshold=0.5)
    assert len(boxes[0]) == 5
    assert boxes[0] == [predicted if chosen == label else (0, 0, 9, 9) for chosen in order[:5]]
    return right


RIGHT = dict(cls_top1=1, cls_top5=1, loc_top1=1, loc_top5=1, gt_known=1)


@pytest.mark.parametrize(
    ('order', 'wrong'),
    [
        ([2, 0, 1, 3, 4, 5, 6], []),
        ([0, 1, 3, 4, 2, 5, 6], ['cls_top1', 'loc_top1']),
        ([0, 1, 3, 4, 5, 2, 6], ['cls_top1', 'loc_top1', 'cls_top5', 'loc_top5']),
    ],
)
def test_a_right_box_of_a_class_of_any_rank(order, wrong):
    right = _score(order, 2, (40, 50, 140, 160), (40, 50, 140, 160))
    assert right == Counter(RIGHT) - Counter(wrong)


def test_a_wrong_box_of_the_right_class():
    right = _score([2, 0, 1, 3, 4, 5, 6], 2, (0, 0, 20, 20), (100, 100, 140, 160))
    assert +right == Counter(['cls_top1', 'cls_top5'])


def test_an_overlap_of_a_half_is_enough_with_the_class_known_alone():
    """The released code counts so too."""
    predicted, truth = (0, 0, 111, 111), (0, 0, 111, 55)
    assert plain_iou(predicted, plain_truth(truth, (224, 224))) == 0.5
    assert +_score([2, 0, 1, 3, 4, 5, 6], 2, predicted, truth) == Counter(['cls_top1', 'cls_top5', 'gt_known'])
