import copy
import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.runner import Runner
from shape_models import CLASSIFIER, NUM_CLASSES, build_gc_net, gc_net_config
from torch import nn

from mmtscam.deployment import ExportModel, trace
from mmtscam.models import LocTTAModel
from mmtscam.models.checkpoints import trained_classes
from mmtscam.models.classifiers.gc_net import certainty
from mmtscam.registry import MODELS

LABELS = (1, 3)


@pytest.fixture
def model():
    """One in which shapes differ, with a classifier that has dropout."""
    classifier = copy.deepcopy(CLASSIFIER)
    classifier['head'].update(hidden_channels=(16,), dropout=0.5)
    model = build_gc_net(classifier=classifier, head=dict(generator=dict(type='EllipseMask', slope=4.0)))
    nn.init.normal_(model.head.fc.weight)
    nn.init.normal_(model.classifier.head.classifier[-1].weight, std=4)
    return model.double()


@pytest.fixture
def images():
    return torch.randn(2, 3, 40, 48, dtype=torch.float64)


def masks_by_hand(numbers, size, slope):
    """Ellipses by a rotation matrix."""
    masks = []
    for x, y, width, height, turn in numbers.sigmoid().unbind():
        points = torch.cartesian_prod(*(torch.linspace(0, 1, side, dtype=torch.float64) for side in size)).flip(1)
        angle = torch.deg2rad(180 * turn - 90)
        rotation = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
        turned = (points - torch.stack([x, y])) @ rotation  # along width and height
        g = (2 * turned / torch.stack([width, height])).pow(2).sum(dim=1)
        masks.append((0.5 - torch.arctan(slope * (g - 1)) / math.pi).reshape(size))
    return torch.stack(masks)


def losses_by_hand(model, images, weights=(1, 1, 2.5)):
    numbers = model.backbone(images)[-1].mean(dim=(2, 3)) @ model.head.fc.weight.T + model.head.fc.bias
    masks = masks_by_hand(numbers, images.shape[-2:], model.head.generator.slope)
    within, outside = (
        model.classifier.head(model.classifier.backbone(images * part[:, None])).softmax(dim=1)
        for part in (masks, 1 - masks)
    )
    entropy = -(outside * outside.log()).sum() / len(images)
    sides = numbers.sigmoid()
    area = (sides[:, 2] * sides[:, 3]).sum() / len(images)
    return dict(
        loss_object=-weights[0] * sum(within[index, label].log() for index, label in enumerate(LABELS)) / 2,
        loss_background=weights[1] * (math.log(NUM_CLASSES) - entropy),
        loss_area=weights[2] * area,
        area=area.detach(),
    )


@pytest.mark.parametrize('training', [False, True])
def test_losses_and_gradients(model, images, training):
    model.train(training)
    losses, expected = model.loss(images, make_samples(*LABELS)), losses_by_hand(model, images)
    assert list(losses) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
        assert value > 1e-4
    assert not losses['area'].requires_grad
    named = {name: each for name, each in model.named_parameters() if each.requires_grad}
    assert {name.split('.')[0] for name in named} == {'backbone', 'head'}
    # Each loss by itself.
    for name in ('loss_object', 'loss_background', 'loss_area'):
        ours, by_hand = (
            torch.autograd.grad(each[name], list(named.values()), retain_graph=True, allow_unused=name == 'loss_area')
            for each in (losses, expected)
        )
        for key, mine, theirs in zip(named, ours, by_hand, strict=True):
            assert (mine is None) == (theirs is None) == (name == 'loss_area' and key == 'head.generator.slope')
            if mine is not None:
                torch.testing.assert_close(mine, theirs, msg=key)
                assert mine.abs().max() > 0 or 'bias' in key


def test_weights(images):
    model = build_gc_net(object_weight=0.3, background_weight=0.7, area_weight=0.2).double()
    losses = model.loss(images, make_samples(*LABELS))
    for name, value in losses_by_hand(model, images, (0.3, 0.7, 0.2)).items():
        torch.testing.assert_close(losses[name], value)


def test_certainty():
    assert certainty(torch.zeros(2, 7)).item() == pytest.approx(0, abs=1e-6)
    sure = torch.tensor([[100.0, 0, 0, 0], [0, 0, 100.0, 0]])
    assert certainty(sure).item() == pytest.approx(math.log(4))
    half = torch.tensor([[0.0, 0, -100, -100]])
    assert certainty(half).item() == pytest.approx(math.log(4) - math.log(2))


def test_the_classifier_is_frozen_in_evaluation(model, images):
    model.train()
    assert model.backbone.training and model.head.training
    assert not any(module.training for module in model.classifier.modules() if module is not model.data_preprocessor)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(2):
        loss, _ = model.parse_losses(model.loss(images, make_samples(*LABELS)))
        loss.backward()
        optimizer.step()
    for name, value in model.state_dict().items():
        kept = torch.equal(value, before[name])
        # Its counters of batches and mean values stay too.
        assert kept == name.startswith('classifier.'), name
    model.eval()
    assert not any(module.training for module in model.modules())


@pytest.fixture
def classifier_file(tmp_path):
    """A checkpoint of the small classifier, whose own backbone's weights are not there."""
    classifier = MODELS.build(
        {**copy.deepcopy(CLASSIFIER), 'data_preprocessor': dict(type='mmpretrain.ClsDataPreprocessor')}
    )
    for value in classifier.state_dict().values():
        value.copy_(torch.rand(value.shape) + 0.5)
    torch.save(dict(state_dict=classifier.state_dict()), tmp_path / 'classifier.pth')
    return str(tmp_path / 'classifier.pth')


def with_checkpoint(file):
    config = gc_net_config()
    config['classifier'] = copy.deepcopy(config['classifier'])
    config['classifier']['init_cfg'] = dict(type='Pretrained', checkpoint=file)
    # A file to train the classifier from, which is not needed now.
    config['classifier']['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='gone.pth')
    return config


def test_the_classifier_starts_from_its_checkpoint(classifier_file):
    model = MODELS.build(with_checkpoint(classifier_file))
    model.init_weights()
    for name, value in torch.load(classifier_file)['state_dict'].items():
        assert torch.equal(model.classifier.state_dict()[name], value)
    # A whole checkpoint brings it too, without its file.
    config = with_checkpoint('gone.pth')
    MODELS.build(config).load_state_dict(model.state_dict())
    with pytest.raises(
        FileNotFoundError, match=r'gone\.pth, or set model\.classifier\.init_cfg\.checkpoint to the path'
    ):
        MODELS.build(config).init_weights()


def test_the_classes_of_the_classifier_are_remembered(tmp_path, classifier_file):
    """LabelCheckHook holds the training data to them."""
    content = torch.load(classifier_file)
    torch.save({**content, 'meta': {'dataset_meta': {'classes': list('abcdef')}}}, tmp_path / 'named.pth')
    model = MODELS.build(with_checkpoint(str(tmp_path / 'named.pth')))
    model.init_weights()
    assert trained_classes(model) == [(str(tmp_path / 'named.pth'), tuple('abcdef'), True)]


def test_a_classifier_without_a_checkpoint_is_told(capsys):
    build_gc_net().init_weights()
    told = 'set model.classifier.init_cfg.checkpoint, unless load_from or resume brings it'
    assert told in capsys.readouterr().out


def test_other_heads_and_classes_are_refused():
    with pytest.raises(ValueError, match=r'GCNet needs a ShapeHead, not a CAMHead: set model\.head\.type'):
        MODELS.build({**gc_net_config(), 'head': dict(type='CAMHead', num_classes=6, in_channels=64)})
    with pytest.raises(ValueError, match=r'the classifier has 6 classes and the head 7: set model\.classifier\.head'):
        build_gc_net(head=dict(num_classes=7))


def test_a_classifier_that_ends_in_logits():
    """The authors' is a whole VGG16; mmpretrain's head for it knows no number of classes."""
    config = gc_net_config()
    vgg = dict(type='mmpretrain.VGG', depth=11, num_classes=NUM_CLASSES)
    head = dict(type='mmpretrain.ClsHead', loss=dict(type='mmpretrain.CrossEntropyLoss'))
    config['classifier'] = dict(type='mmpretrain.ImageClassifier', backbone=vgg, head=head)
    assert MODELS.build(config).classifier.backbone.num_classes == NUM_CLASSES
    vgg['num_classes'] = 7
    with pytest.raises(ValueError, match='the classifier has 7 classes and the head 6'):
        MODELS.build(config)


def test_the_detector_alone(model, images):
    found = model.extract_feat(images, stage='backbone')
    torch.testing.assert_close(found[-1], model.extract_feat(images).features)


@pytest.fixture
def run(tiny_config, tmp_path):
    """Builds the Runner of a small GC-Net on four images of the sample set, and a file of its classifier."""
    model = gc_net_config(num_classes=tiny_config.model.head.num_classes, object_weight=2.0)
    model['data_preprocessor'] = dict(tiny_config.model.data_preprocessor)
    file = tmp_path / 'classifier.pth'
    torch.save(dict(state_dict=MODELS.build(copy.deepcopy(model)).classifier.state_dict()), file)
    model['classifier']['init_cfg'] = dict(type='Pretrained', checkpoint=str(file))
    for loader in (tiny_config.train_dataloader, tiny_config.test_dataloader):
        loader.batch_size = 2
        loader.dataset.indices = 4

    def run(name, **kwargs):
        # Built of parts: a whole config would be formatted, which takes longer than all else.
        return Runner(
            model=copy.deepcopy(model),
            work_dir=str(tmp_path / 'run'),
            experiment_name=f'{tmp_path.name}-{name}',
            custom_hooks=[dict(type='StrictCheckpointHook'), dict(type='LabelCheckHook')],
            default_hooks=dict(visualization=dict(type='LocVisualizationHook', draw=False)),
            default_scope='mmtscam',
            log_level='ERROR',
            **kwargs,
        )

    return run


@pytest.mark.slow
def test_a_run_is_trained_resumed_and_tested(run, tiny_config, tmp_path):
    parts = dict(
        train_dataloader=tiny_config.train_dataloader,
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
    )
    run('first', train_cfg=dict(by_epoch=True, max_epochs=1), **parts).train()
    resumed = run('second', train_cfg=dict(by_epoch=True, max_epochs=2), resume=True, **parts)
    resumed.train()
    assert (resumed.epoch, resumed.iter) == (2, 4)
    states = [torch.load(tmp_path / 'run' / f'epoch_{epoch}.pth')['state_dict'] for epoch in (1, 2)]
    for name, value in torch.load(tmp_path / 'classifier.pth')['state_dict'].items():
        assert torch.equal(states[1][f'classifier.{name}'], value)
    for name in ('head.fc.weight', 'head.generator.slope', 'backbone.conv1.weight'):
        assert not torch.equal(states[0][name], states[1][name])

    # Tested without the classifier's file, at the threshold of the head's boxes.
    (tmp_path / 'classifier.pth').unlink()
    tested = run(
        'third',
        test_dataloader=tiny_config.test_dataloader,
        test_cfg=dict(type='LocTestLoop'),
        test_evaluator=[dict(type='LocAccuracy', protocol='tscam'), dict(type='MaxBoxAcc', protocol='wsol-v2')],
        load_from=str(tmp_path / 'run' / 'epoch_2.pth'),
    )
    numbers = tested.test()
    assert 'wsol-v2/maxboxacc_oracle' in numbers
    assert 0 <= numbers['tscam/loc_top1'] <= numbers['tscam/gt_known'] <= 100
    accuracy, _ = tested.test_loop.evaluator.metrics
    assert accuracy.result.protocol.threshold == 0.5


def test_a_closer_look_and_mirrored_views():
    """Their masks are joined, and the box is drawn on a finer grid."""
    model = build_gc_net()
    nn.init.normal_(model.head.fc.weight, std=3)
    images = torch.randn(2, 3, 48, 64)
    views = [images, images.flip(-1), F.interpolate(images, scale_factor=2)]
    samples = [make_samples(*LABELS) for _ in views]
    for place, view in enumerate(samples):
        for sample in view:
            sample.set_metainfo(dict(flip=place == 1, crop=False, zoom=place == 2))
    for sample in LocTTAModel(model).predict(views, samples):
        assert sample.class_maps.maps.shape[-2:] == (4 * 48, 4 * 64)
        assert sample.class_maps.threshold == 0.5
        assert len(sample.pred_instances) == 2


@pytest.mark.slow
def test_an_exported_graph_draws_the_same_mask():
    """For another batch and size than it was traced with."""
    model = ExportModel(build_gc_net())
    nn.init.normal_(model.head.fc.weight)
    graph = trace(model, (64, 64)).module()
    images = 255 * torch.rand(3, 3, 80, 48)
    assert model.output_names == ('scores', 'maps', 'shape')
    for found, expected in zip(graph(images), model(images), strict=True):
        torch.testing.assert_close(found, expected)
    assert expected.std() > 0.1
