"""Maps from gradients: Backprop, GrabCut and Grad-CAM."""

import copy
import gc
import weakref

import cv2
import numpy as np
import pytest
import torch
from loc_samples import make_samples
from torch import nn
from tscam_models import NUM_CLASSES, build_model, make_images, randomise

from mmtscam.deployment.graph import ExportModel
from mmtscam.models.refinements.grab_cut import grab_cut
from mmtscam.registry import MODELS

SALIENCY = dict(type='InputGradient')
CAM_LAYER = dict(type='GradCAM', layer='features.4')
STD = [50.0, 60.0, 70.0]


class TinyNet(nn.Module):
    """Two convolutions whose ReLUs change them in place."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, x):
        return (self.features(x),)


class TinyClassifier(TinyNet):
    """A whole classifier with hidden linear layers."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Sequential(nn.Linear(16, 12), nn.ReLU(inplace=True), nn.Linear(12, NUM_CLASSES))

    def forward(self, x):
        return (self.classifier(self.features(x).mean(dim=(2, 3))),)


def build(refine, backbone=TinyNet, head=None):
    head = head or dict(type='CAMHead', in_channels=16, hidden_channels=(10,))
    model = MODELS.build(
        dict(
            type='GradientClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=[1.0, 2.0, 3.0], std=STD),
            backbone=dict(type=backbone),
            head=dict(head, num_classes=NUM_CLASSES, topk=2, refine=refine),
        )
    )
    randomise(model)
    return model.eval()


@pytest.fixture
def images():
    return torch.randn(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))


def predict(model, images):
    return list(model(images, make_samples(*range(len(images))), mode='predict'))


def maps_of(model, images, label):
    """All maps of one class."""
    feats = model.extract_feat(images)
    with torch.no_grad():
        return model.head.all_maps(feats, model.head.prepare(feats), torch.full((len(images), 1), label))


def plain_score(model, image, label, watched=None):
    """A class score of one image, computed without anything of the head's or classifier's."""
    features = watched if watched is not None else model.backbone(image)[-1]
    if isinstance(model.backbone, TinyClassifier):
        return features[0, label]
    layers = model.head.classifier
    return nn.functional.conv2d(layers[:-1](features), layers[-1].weight, layers[-1].bias)[0, label].mean()


@pytest.mark.parametrize('backbone', [TinyNet, TinyClassifier])
def test_backprop_is_the_gradient_on_the_pixels(images, backbone):
    model = build(SALIENCY, backbone, dict(type='LogitsHead') if backbone is TinyClassifier else None)
    kinds = [kind.name for kind in model.head.map_kinds]
    assert kinds == (['saliency'] if backbone is TinyClassifier else ['saliency', 'semantic'])
    with torch.no_grad():
        samples = predict(model, images)
    for index, sample in enumerate(samples):
        assert sample.class_maps.maps.shape[1:] == images.shape[2:]
        for label, found in zip(sample.class_maps.labels.tolist(), sample.class_maps.saliency, strict=True):
            pixels = (images[index : index + 1] * torch.tensor(STD).view(3, 1, 1)).requires_grad_()
            plain_score(model, pixels / torch.tensor(STD).view(3, 1, 1), label).backward()
            torch.testing.assert_close(found, pixels.grad[0].abs().max(dim=0).values)
    assert len(samples[0].pred_instances.bboxes) == 2


def test_blur():
    images = torch.randn(1, 3, 24, 32)
    sharp = predict(build(SALIENCY), images)[0].class_maps.saliency
    blurred = predict(build(dict(SALIENCY, blur=2.0)), images)[0].class_maps.saliency
    expected = cv2.GaussianBlur(sharp[0].numpy(), (13, 13), 2.0, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(blurred[0], expected, rtol=1e-4, atol=1e-9)


def test_grad_cam_is_the_weighted_sum(images):
    model = build(dict(type='GradCAM', layer='features.5'))
    for index, sample in enumerate(predict(model, images)):
        features = model.backbone(images[index : index + 1])[-1].detach()
        for label, found in zip(sample.class_maps.labels.tolist(), sample.class_maps.gradcam, strict=True):
            leaf = features.clone().requires_grad_()
            plain_score(model, None, label, watched=leaf).backward()
            weights = leaf.grad.mean(dim=(2, 3))[0]
            expected = torch.einsum('d,dhw->hw', weights, features[0]).relu()
            torch.testing.assert_close(found, expected)
            assert expected.max() > 0


def test_what_a_relu_changes_in_place_is_seen_before_it(images):
    model = build(CAM_LAYER)
    seen = []
    model.backbone.features[5].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    feats = model.extract_feat(images)
    target = feats[0].gradient_target
    assert target.min() < 0  # the ReLU has not changed it
    torch.testing.assert_close(target.detach(), seen[0])


def package_map(model, layer, images, label, reshape=None):
    """The map that the package grad-cam makes of the same model and layer."""
    package = pytest.importorskip('pytorch_grad_cam', reason='tools/setup_env.sh installs it')
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model.head(self.model.backbone(x))

    targets = [ClassifierOutputTarget(label)] * len(images)
    with package.GradCAM(Logits(), [layer], reshape_transform=reshape) as cam:
        return cam(images.clone(), targets)


def scaled(values):
    values = values - values.min()
    return values / (1e-7 + values.max())


def as_in_package(found, size):
    """Maps scaled and resized as the package does."""
    resized = [cv2.resize(scaled(each), size) for each in found.numpy()]
    return np.stack([scaled(each) for each in resized])


def test_as_the_package_grad_cam_on_a_network_of_convolutions(images):
    model = build(dict(type='GradCAM', layer='features.2'))
    plain = copy.deepcopy(model)  # the package's hooks stay with it
    for label in range(NUM_CLASSES):
        found = model.head.all_maps(
            feats := model.extract_feat(images), model.head.prepare(feats), torch.full((2, 1), label)
        )
        expected = package_map(plain, plain.backbone.features[2], images, label)
        np.testing.assert_allclose(as_in_package(found['gradcam'][:, 0], (32, 24)), expected, atol=1e-5)


def gradient_model(refine, backbone='deit', head='TSCAMHead'):
    model = build_model(backbone, head)
    kind = MODELS.get('GradientClassifier')
    refinement = MODELS.build(refine)
    model.head.refine = refinement
    model.head.map_kinds = (refinement.kind(type(model.head).map_kinds), *type(model.head).map_kinds)
    model.head.settings = model.head.settings_with(map_kind=refinement.name)
    model.__class__ = kind
    return model


def test_as_the_package_grad_cam_on_a_vision_transformer():
    images = make_images('deit')
    model = gradient_model(dict(type='GradCAM', layer='layers.2.ln1'))
    plain = copy.deepcopy(model)
    found = maps_of(model, images, 3)
    expected = package_map(
        plain, plain.backbone.layers[2].ln1, images, 3, lambda tokens: tokens[:, 1:].mT.unflatten(2, (5, 7))
    )
    size = (images.shape[3], images.shape[2])
    np.testing.assert_allclose(as_in_package(found['gradcam'][:, 0], size), expected, atol=1e-5)


def test_tokens_that_are_no_patches_are_left_out():
    """Spatial tokens of SAT stand behind the patches, the class token before them."""
    model, images = gradient_model(dict(type='GradCAM', layer='layers.1.ln1'), 'sat', 'SATHead'), make_images('sat')
    with torch.no_grad():
        feats = model.extract_feat(images)
        found = model.head.all_maps(feats, model.head.prepare(feats), torch.ones(2, 1, dtype=torch.int64))
    target = feats.patches.gradient_target
    assert target.shape[1] == 1 + 35 + 1
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(model.head(feats)[:, 1].sum(), target)
    weights = gradient[:, 1:36].mean(dim=1, keepdim=True)
    expected = (weights * target.detach()[:, 1:36]).sum(dim=2).relu().view(2, 5, 7)
    torch.testing.assert_close(found['gradcam'][:, 0], expected)


@pytest.mark.parametrize(
    ('backbone', 'layer', 'channels', 'grid'),
    [
        (dict(type='mmpretrain.SwinTransformer', arch='tiny', pad_small_map=True), 'stages.3.blocks.0', 768, (2, 4)),
        (dict(type='mmpretrain.SwinTransformer', arch='tiny', pad_small_map=True), 'stages.0.blocks.0', 768, (16, 32)),
        (
            dict(type='mmpretrain.VisionTransformer', arch='deit-t', img_size=(64, 128), out_type='featmap'),
            'layers.2',
            192,
            (4, 8),
        ),
    ],
    ids=['Swin', 'Swin, first stage', 'ViT'],
)
def test_tokens_of_other_networks(backbone, layer, channels, grid):
    model = MODELS.build(
        dict(
            type='GradientClassifier',
            backbone=backbone,
            head=dict(
                type='CAMHead', num_classes=3, in_channels=channels, topk=1, refine=dict(type='GradCAM', layer=layer)
            ),
        )
    )
    model.eval()
    assert predict(model, torch.randn(1, 3, 64, 128))[0].class_maps.gradcam.shape[1:] == grid
    with pytest.raises(ValueError, match='are no grid of patches of an image of 64x128'):
        model.head.refine._find_patches(37, 1, None, (64, 128))


def test_looks_at_several_sizes_are_open_at_once():
    model = gradient_model(dict(type='GradCAM', layer='layers.1.ln1'))
    sizes = [make_images('deit', *grid) for grid in ((5, 7), (8, 6))]
    with torch.no_grad():
        looks = [model.extract_feat(images) for images in sizes]
        together = [
            model.head.all_maps(feats, model.head.prepare(feats), torch.zeros(2, 1, dtype=torch.int64))['gradcam']
            for feats in looks
        ]
    for images, found in zip(sizes, together, strict=True):
        torch.testing.assert_close(found, maps_of(model, images, 0)['gradcam'])


HEADS = [('deit', 'TSCAMHead'), ('deit', 'SCMHead'), ('conformer', 'TSCAMHead'), ('sat', 'SATHead')]


@pytest.mark.parametrize(('backbone', 'head'), HEADS)
def test_every_head_on_tokens(backbone, head):
    """The model's own scores and maps stay, and the gradient is that of the score by a finite difference."""
    model, images = gradient_model(SALIENCY, backbone, head), make_images(backbone)
    plain = build_model(backbone, head)
    samples = predict(model, images)
    for ours, theirs in zip(samples, predict(plain, images), strict=True):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        for kind in plain.head.map_kinds:
            torch.testing.assert_close(ours.class_maps[kind.name], theirs.class_maps[kind.name])
    model.double()
    saliency = maps_of(model, images.double(), 0)['saliency'][0, 0]
    y, x = divmod(int(saliency.argmax()), images.shape[3])
    slopes = []
    for channel in range(3):
        moved = [images.double() for _ in range(2)]
        for one, step in zip(moved, (1e-4, -1e-4), strict=True):
            one[0, channel, y, x] += step
        with torch.no_grad():
            high, low = (model.head(model.extract_feat(one))[0, 0] for one in moved)
        slopes.append(abs(high - low) / 2e-4)
    torch.testing.assert_close(max(slopes).float(), saliency[y, x], rtol=1e-3, atol=1e-6)


def test_a_class_that_is_asked_for_twice(images, monkeypatch):
    model = build(SALIENCY)
    labels = torch.tensor([[1, 4, 4], [2, 3, 2]])
    feats, passes = model.extract_feat(images), []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, 'grad', lambda *args, **kwargs: passes.append(1) or grad(*args, **kwargs))
    with torch.no_grad():
        found = model.head.all_maps(feats, model.head.prepare(feats), labels)['saliency']
        assert len(passes) == 2
        for place in range(3):
            alone = model.head.all_maps(feats, model.head.prepare(feats), labels[:, place : place + 1])['saliency']
            torch.testing.assert_close(found[:, place], alone[:, 0])


def test_nothing_is_left_behind(images):
    model = build(SALIENCY)
    asking = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    feats = model.extract_feat(images)
    target = weakref.ref(feats[0].gradient_target)
    assert asking == [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    predict(model, images)
    assert all(parameter.grad is None for parameter in model.parameters())
    gc.disable()
    try:
        del feats
        assert target() is None
    finally:
        gc.enable()


def test_training_is_the_same(images):
    model = build(SALIENCY).train()
    plain = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type=TinyNet),
            head=dict(type='CAMHead', num_classes=NUM_CLASSES, in_channels=16, hidden_channels=(10,)),
        )
    ).train()
    plain.load_state_dict(model.state_dict())
    losses = [each(images, make_samples(0, 1), mode='loss')['loss'] for each in (model, plain)]
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(*losses)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_half_precision_makes_no_difference(images):
    model = build(SALIENCY)
    full = predict(model, images)[0].class_maps.saliency
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = predict(model, images)[0].class_maps.saliency
    torch.testing.assert_close(full, half)


@pytest.mark.parametrize('refine', [SALIENCY, dict(type='GrabCut', blur=1.0), dict(type='GradCAM', layer='features.5')])
def test_several_views_and_a_closer_look(images, refine):
    model = build(refine)
    tta = MODELS.build(dict(type='LocTTAModel', module=model))
    samples = [make_samples(0, 1) for _ in range(3)]
    for sample in samples[1]:
        sample.set_metainfo(dict(flip=True))
    for sample in samples[2]:
        sample.set_metainfo(dict(zoom=True))
    views = [images, images.flip(-1), nn.functional.interpolate(images, scale_factor=2)]
    found = tta.predict(views, samples)
    assert found[0].class_maps.zoom and found[0].class_maps.views == 2
    assert found[0].class_maps.maps.isfinite().all()


def test_grab_cut_finds_what_has_another_colour():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 60, (64, 80, 3)).astype(np.uint8)
    image[20:50, 30:60] += np.array([150, 20, 100], np.uint8)
    saliency = rng.random((64, 80)) * 0.1
    saliency[20:50, 30:60] += 0.1
    saliency[30:40, 40:50] += 1  # only a part of it is surely of the object
    found = grab_cut(image, saliency, 0.01, 0.3)
    np.testing.assert_array_equal(found, grab_cut(image, saliency, 0.01, 0.3))
    expected = np.zeros((64, 80), np.float32)
    expected[20:50, 30:60] = 1
    assert (found == expected).mean() > 0.98
    assert (grab_cut(image, np.zeros((64, 80)), 0.05, 0.3) == 0).all()


def test_grab_cut_sees_the_colours_as_they_are(monkeypatch):
    """White is not cut off, though the means of the colours differ."""
    seen = []
    monkeypatch.setattr(
        'mmtscam.models.refinements.grab_cut.grab_cut',
        lambda image, saliency, *_: seen.append(image) or np.zeros(saliency.shape, np.float32),
    )
    images = torch.randint(0, 256, (1, 3, 24, 32), dtype=torch.uint8)
    images[:, :, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    model = build(dict(type='GrabCut'))
    model.data_preprocessor.mean = torch.tensor([123.0, 116.0, 104.0]).view(3, 1, 1)
    predict(model, (images.float() - model.data_preprocessor.mean) / model.data_preprocessor.std)
    np.testing.assert_array_equal(seen[0], images[0].permute(1, 2, 0))


def test_grab_cut_is_a_map_like_others(images):
    model = build(dict(type='GrabCut', blur=2.0))
    maps = predict(model, images)[0].class_maps
    assert maps.map_kind == 'grabcut'
    assert set(maps.grabcut.unique().tolist()) <= {0.0, 1.0}
    assert maps.grabcut.shape[1:] == images.shape[2:]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(refine=None), 'set model.head.refine to one'),
        (dict(refine=dict(type='SelfEnhancement')), 'GradientClassifier is for maps from gradients'),
        (dict(refine=dict(type='GradCAM')), 'model.head.refine.layer is missing: name a submodule'),
        (dict(refine=dict(SALIENCY, blur=-1)), 'blur must be at least 0'),
        (dict(refine=dict(type='GrabCut', object_share=0.8)), 'together below 1, got 0.8 and 0.3'),
        (dict(head=dict(type='LogitsHead'), refine=None), 'LogitsHead makes no maps of its own'),
        (dict(head=dict(type='LogitsHead'), refine=dict(type='SelfEnhancement')), 'a head that makes some'),
    ],
)
def test_what_does_not_suit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(**change)


@pytest.mark.parametrize(
    ('layer', 'message'),
    [
        ('layer4', "TinyNet has no 'layer4'; it has features"),
    ],
)
def test_a_layer_that_does_not_suit(images, layer, message):
    with pytest.raises(ValueError, match=message):
        predict(build(dict(type='GradCAM', layer=layer)), images)


def test_a_layer_that_gives_no_map(images):
    model = build(dict(type='GradCAM', layer='classifier.0'), TinyClassifier, dict(type='LogitsHead'))
    with pytest.raises(ValueError, match=r"refine.layer: 'classifier.0' gives neither a feature map"):
        predict(model, images)


def test_without_the_classifier_for_gradients(images):
    model = build(SALIENCY)
    plain = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type=TinyNet),
        )
    )
    plain.head = model.head
    with pytest.raises(ValueError, match=r"needs the gradient .*set model.type='GradientClassifier'"):
        predict(plain.eval(), images)


def test_logits_of_another_size(images):
    model = build(SALIENCY, TinyNet, dict(type='LogitsHead'))
    with pytest.raises(ValueError, match=r'needs logits \(B, 6\).*gives \(2, 16, 6, 8\).*or CAMHead'):
        predict(model, images)


def test_no_export():
    with pytest.raises(ValueError, match=r'InputGradient cannot be exported.*leave model.head.refine out'):
        ExportModel(build(SALIENCY))
