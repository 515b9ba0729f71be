import itertools

import numpy as np
import plain_shapes
import pytest
import torch
from loc_samples import make_samples
from plain_shapes import KINDS
from shape_models import NUM_CLASSES, build_gc_net

from mmtscam.localization import PROTOCOLS, map_to_boxes
from mmtscam.models import ShapeFeatures
from mmtscam.registry import MODELS

SIZE = (48, 64)


def build(**kwargs):
    head = MODELS.build(dict(type='ShapeHead', **{'num_classes': NUM_CLASSES, 'in_channels': 8, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    return ShapeFeatures(torch.randn(3, NUM_CLASSES), SIZE, torch.randn(3, 8, 5, 4))


def shapes_by_hand(head, features):
    pooled = features.flatten(2).sum(dim=2) / features[0, 0].numel()
    return 1 / (1 + torch.exp(-(pooled @ head.fc.weight.T + head.fc.bias)))


@pytest.mark.parametrize('kind', KINDS)
def test_logits_and_masks(feats, kind):
    head = build(generator=dict(type=kind, slope=8.0))
    torch.nn.init.normal_(head.fc.weight)
    prepared = head.prepare(feats)
    assert head.logits(prepared) is feats.logits
    shapes = shapes_by_hand(head, feats.features)
    torch.testing.assert_close(head.shapes(feats.features), shapes)
    assert shapes.std(dim=0).min() > 0.02
    (drawn,) = head.maps(prepared).values()
    assert (drawn.dtype, drawn.shape) == (torch.float32, (3, *SIZE))
    expected = np.stack([plain_shapes.mask(kind, shape, SIZE, 8.0) for shape in shapes.tolist()])
    np.testing.assert_allclose(drawn.detach().numpy(), expected, atol=1e-5)
    assert torch.equal(head.maps(prepared, torch.tensor([[1], [2], [0]]))['shape'], drawn)


def test_five_numbers_of_the_backbone(feats):
    head, numbers = build(in_channels=None), torch.randn(3, 5)
    torch.testing.assert_close(head.shapes(numbers), 1 / (1 + torch.exp(-numbers)))
    assert [name for name, _ in head.named_parameters()] == ['generator.slope']
    with pytest.raises(ValueError, match=r'needs five numbers an image, and the backbone gives \(3, 8, 5, 4\)'):
        head.shapes(feats.features)


def test_the_first_shapes_are_in_the_middle():
    """Half as wide and high as the image, and upright, to a few hundredths."""
    head = build(in_channels=1280)
    shapes = head.shapes(torch.rand(4, 1280, 7, 7))
    assert (shapes - 0.5).abs().max() < 0.15
    assert not torch.equal(shapes, torch.full_like(shapes, 0.5))
    assert head.generator.slope.item() == 10
    assert head.settings.protocol.threshold == 0.5


def test_under_autocast_in_full_precision(feats):
    head = build()
    with torch.autocast('cpu', torch.bfloat16):
        shapes = head.shapes(feats.features.bfloat16())
    assert shapes.dtype == torch.float32
    torch.testing.assert_close(shapes, head.shapes(feats.features.bfloat16().float()))


@pytest.mark.parametrize(('kind', 'slope'), [('EllipseMask', 5.0), *itertools.product(KINDS, (10.0, 20.0))])
def test_normalising_before_the_threshold_moves_an_edge_by_a_pixel(kind, slope):
    """Under the default rules, beside the box of what is above ½; ellipses that fill the image too."""
    rng = np.random.default_rng(0)
    side = 1.0 if kind == 'EllipseMask' else 0.6
    head = build(in_channels=None, generator=dict(type=kind, slope=slope))
    for _ in range(30):
        shape = [*rng.uniform(0.2, 0.8, 2), *rng.uniform(0.1, side, 2), rng.uniform()]
        logits = torch.logit(torch.tensor([shape]))
        (drawn,) = head.maps(ShapeFeatures(None, (224, 224), logits))['shape'].detach().numpy()
        rows, columns = np.nonzero(drawn > 0.5)
        exact = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        (box,) = map_to_boxes(drawn, head.settings.protocol)
        assert np.abs(box - exact).max() <= 1


def test_rules_that_do_not_normalise_give_the_exact_box():
    protocol = dict(base='tscam', absolute_threshold=True, normalize=False)
    model = build_gc_net(head=dict(protocol=protocol))
    torch.nn.init.normal_(model.head.fc.weight)
    samples = model.predict(torch.randn(2, 3, 224, 224), make_samples(1, 3))
    for sample in samples:
        rows, columns = np.nonzero(sample.class_maps.maps[0].numpy() > 0.5)
        exact = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        scales = np.array([40, 50, 40, 50]) / 224
        np.testing.assert_allclose(sample.pred_instances.bboxes[0].numpy(), exact * scales, rtol=1e-5)


def test_predictions_have_one_box_for_all_classes():
    model = build_gc_net()
    torch.nn.init.normal_(model.head.fc.weight, std=3)
    images = torch.randn(2, 3, *SIZE)
    logits = model.classifier(images, mode='tensor')
    boxes = []
    for index, sample in enumerate(model.predict(images, make_samples(1, 3))):
        torch.testing.assert_close(sample.pred_score, logits[index].softmax(0))
        assert sample.pred_instances.labels.tolist() == logits[index].topk(2).indices.tolist()
        first, second = sample.pred_instances.bboxes.tolist()
        assert first == second
        boxes.append(first)
        assert sample.class_maps.map_kind == 'shape'
        assert sample.class_maps.maps.shape[1:] == SIZE
        (framed,) = map_to_boxes(sample.class_maps.maps[0].numpy(), PROTOCOLS['tscam'])
        assert framed.tolist() != first  # at ½ and not at 0.1
    assert boxes[0] != boxes[1]


def test_other_models_and_refinements_are_refused(feats):
    with pytest.raises(ValueError, match=r"head of GC-Net, got a tuple: set model\.type='GCNet'"):
        build().prepare((feats.features,))
    with pytest.raises(ValueError, match=r'leave model\.head\.refine out'):
        build(refine=dict(type='SelfEnhancement'))
    with pytest.raises(ValueError, match=r'gives 8 channels and ShapeHead expects 9: set model\.head\.in_channels=8'):
        build(in_channels=9).shapes(feats.features)
