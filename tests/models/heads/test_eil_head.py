import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples

from mmtscam.registry import MODELS

VGG = dict(type='mmpretrain.VGG', depth=11, num_stages=2, dilations=(1, 1), out_indices=(1,))


def build(head='EILHead', **kwargs):
    head = MODELS.build(dict(type=head, **{'num_classes': 6, 'in_channels': 8, 'threshold': 0.2, **kwargs}))
    head.init_weights()
    return head


@pytest.fixture
def feats():
    """Three streams of two images, after an earlier feature map with fewer rows."""
    return (torch.randn(2, 4, 10, 8), torch.randn(6, 8, 5, 4))


def logits_by_hand(head, features):
    conv, last = head.classifier[0], head.classifier[-1]
    hidden = F.relu(F.conv2d(features, conv.weight, conv.bias, padding=1))
    return F.conv2d(hidden, last.weight, last.bias).mean(dim=(2, 3))


def test_losses_and_gradients(feats):
    head = build(hidden_channels=(7,), weight=0.3)
    losses, labels = head.loss(feats, make_samples(1, 5)), torch.tensor([1, 5])
    streams = [F.cross_entropy(logits_by_hand(head, feats[1][i : i + 2]), labels) for i in (0, 2, 4)]
    assert list(losses) == ['loss_cls', 'loss_erased_1', 'loss_erased_2']
    for ours, expected in zip(losses.values(), (streams[0], 0.3 * streams[1], 0.3 * streams[2]), strict=True):
        torch.testing.assert_close(ours, expected)
    ours = torch.autograd.grad(sum(losses.values()), list(head.parameters()))
    by_hand = torch.autograd.grad(streams[0] + 0.3 * (streams[1] + streams[2]), list(head.parameters()))
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_model_gives_what_separate_passes_give():
    """The whole of MEIL on a VGG: losses and all gradients."""
    backbone = dict(type='EILBackbone', backbone=VGG, layers=('features.1', 'features.3'))
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=backbone,
            head=dict(type='EILHead', num_classes=6, in_channels=128),
        )
    )
    model.init_weights()
    model = model.double().train()
    images, labels = torch.randn(2, 3, 16, 16, dtype=torch.float64), torch.tensor([1, 5])
    losses = model(images, make_samples(1, 5), mode='loss')

    first, pool, second, last_pool = (layer.forward for layer in model.backbone.features)
    erase = lambda x: torch.stack([one * (one.mean(0) < 0.7 * one.mean(0).max()) for one in x])  # noqa: E731
    middle = pool(first(images))
    last = last_pool(second(middle))
    classifier = model.head.classifier[-1]
    passes = [
        F.cross_entropy(F.conv2d(x, classifier.weight, classifier.bias).mean(dim=(2, 3)), labels)
        for x in (last, last_pool(second(erase(middle))), erase(last))
    ]
    for ours, expected in zip(losses.values(), passes, strict=True):
        torch.testing.assert_close(ours, expected)
    assert len({round(each.item(), 6) for each in passes}) == 3
    ours = torch.autograd.grad(sum(losses.values()), list(model.parameters()))
    by_hand = torch.autograd.grad(sum(passes), list(model.parameters()))
    for mine, theirs in zip(ours, by_hand, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_one_stream_in_evaluation_is_cam(feats):
    head, cam = build().eval(), build('CAMHead').eval()
    cam.load_state_dict(head.state_dict())
    one = (feats[1][:2],)
    assert head.loss(one, make_samples(1, 5)) == {'loss_cls': cam.loss(one, make_samples(1, 5))['loss']}
    for ours, theirs in zip(head.predict(one, make_samples(1, 5)), cam.predict(one, make_samples(1, 5)), strict=True):
        assert torch.equal(ours.class_maps.maps, theirs.class_maps.maps)
        assert torch.equal(ours.pred_score, theirs.pred_score)


def test_soft_labels_hold_for_each_stream(feats):
    head = build(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True))
    scores = torch.rand(2, 6).softmax(1)
    samples = [sample.set_gt_score(score) for sample, score in zip(make_samples(1, 5), scores, strict=True)]
    weight, bias = head.classifier[-1].weight[:, :, 0, 0], head.classifier[-1].bias
    for start, loss in zip((0, 2, 4), head.loss(feats, samples).values(), strict=True):
        logits = feats[1][start : start + 2].mean(dim=(2, 3)) @ weight.T + bias
        torch.testing.assert_close(loss, -(scores * logits.log_softmax(1)).sum(1).mean())


def test_accuracy_is_that_of_the_images(feats):
    losses = build(cal_acc=True).loss(feats, make_samples(1, 5))
    assert [name for name in losses if 'loss' not in name] == ['accuracy_top-1']


def test_rows_that_are_no_multiple(feats):
    with pytest.raises(ValueError, match=r'EILHead: the backbone gives 5 rows for 2 images, .* wrap it in EILBackbone'):
        build().loss((feats[1][:5],), make_samples(1, 5))


def test_head_and_backbone_that_do_not_belong_together(feats):
    with pytest.raises(ValueError, match=r'EILHead: the backbone gives 2 rows for 2 images, .* wrap it in EILBackbone'):
        build().train().loss((feats[1][:2],), make_samples(1, 5))
    with pytest.raises(ValueError, match=r'CAMHead: the backbone gives 6 rows for 2 images: .* needs EILHead'):
        build('CAMHead').loss((feats[1][:6],), make_samples(1, 5))


def test_a_subclass_adds_a_loss(feats):
    head = build()

    class More(type(head)):
        def extra_losses(self, feats, data_samples):
            return dict(loss_more=feats.mean())

    head.__class__ = More
    losses = head.loss(feats, make_samples(1, 2))
    torch.testing.assert_close(losses['loss_more'], feats[1][:2].mean())
