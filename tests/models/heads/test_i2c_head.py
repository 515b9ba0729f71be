import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.runner import Runner

from mmtscam.models.heads.i2c_head import global_consistency, local_consistency, pick_object_pixels
from mmtscam.registry import MODELS

BACKBONE = dict(type='mmpretrain.VGG', depth=11, num_stages=1, dilations=(1,), out_indices=(0,))


def build(head='I2CHead', **kwargs):
    settings = dict(num_classes=6, in_channels=8, hidden_channels=(7,), threshold=0.2)
    head = MODELS.build(dict(type=head, **{**settings, **kwargs}))
    head.init_weights()
    torch.nn.init.normal_(head.classifier[-1].weight)  # so that classes vary
    return head.train()


def feats_of(images=4, channels=8):
    return (torch.randn(images, channels, 5, 4),)


def places_by_hand(image_map, num, high):
    """The first places of high values, row by row and again from the start."""
    values = image_map.flatten().tolist()
    low, top = min(values), max(values)
    chosen = [place for place, value in enumerate(values) if (value - low) / (top - low) > high]
    return (chosen * num)[:num]


class ByHand:
    """I2C with loops, on the parameters of a head; centres in a dict."""

    def __init__(self, head, num_pixels=3, high=0.7, local_weight=0.008, global_weight=0.001, decay=0.002):
        self.head, self.num, self.high, self.decay = head, num_pixels, high, decay
        self.weights = local_weight, global_weight
        self.centres, self.counts = {}, {}

    def losses(self, feats, labels):
        conv, last = self.head.classifier[0], self.head.classifier[-1]
        maps = F.conv2d(F.relu(F.conv2d(feats, conv.weight, conv.bias, padding=1)), last.weight, last.bias)
        pixels = []
        for features, image_maps, label in zip(feats, maps, labels, strict=True):
            places = places_by_hand(image_maps[label].detach(), self.num, self.high)
            pixels.append([features[:, place // 4, place % 4] for place in places])
        local, far, moves = [], [], []
        for first, label in enumerate(labels[::2]):
            one, two = pixels[2 * first], pixels[2 * first + 1]
            local += [((a - b + 1e-6) ** 2).sum().sqrt() for a, b in zip(one, two, strict=True)]
            mean = sum(one + two) / (2 * self.num)
            far.append(((self.centres[label] - mean) ** 2).sum().sqrt() if label in self.centres else 0 * mean.sum())
            moves.append((label, mean.detach()))
        for label, mean in moves:
            rate = math.exp(-self.decay * self.counts.get(label, 0))
            self.centres[label] = (1 - rate) * self.centres.get(label, 0) + rate * mean
            self.counts[label] = self.counts.get(label, 0) + 1
        return dict(
            loss_cls=F.cross_entropy(maps.mean(dim=(2, 3)), torch.tensor(labels)),
            loss_local=self.weights[0] * sum(local) / len(local),
            loss_global=self.weights[1] * sum(far) / len(far),
        )


def test_losses_gradients_and_centres_of_several_steps():
    """Some batches have several pairs of a class, and the map with few high pixels gives these again."""
    settings = dict(num_pixels=3, high=0.6, local_weight=0.3, global_weight=0.7, decay=0.5)
    head = build(pick='raster', **settings)
    by_hand = ByHand(head, **settings)
    fewest = []
    for labels in ([1, 1, 5, 5], [5, 5, 1, 1, 5, 5], [0, 0, 5, 5], [1, 1, 1, 1], [5, 5, 4, 4]):
        (feats,) = feats_of(len(labels))
        ours, theirs = feats.clone().requires_grad_(), feats.clone().requires_grad_()
        losses, expected = head.loss((ours,), make_samples(*labels)), by_hand.losses(theirs, labels)
        assert list(losses) == list(expected)
        for name, value in expected.items():
            torch.testing.assert_close(losses[name], value)
        assert losses['loss_local'] > 0.1
        wanted = [*head.parameters(), ours], [*head.parameters(), theirs]
        gradients = [torch.autograd.grad(sum(x.values()), y) for x, y in zip((losses, expected), wanted, strict=True)]
        for mine, other in zip(*gradients, strict=True):
            torch.testing.assert_close(mine, other)
        assert head.counts.tolist() == [by_hand.counts.get(label, 0) for label in range(6)]
        for label in range(6):
            torch.testing.assert_close(head.centres[label], torch.as_tensor(by_hand.centres.get(label, torch.zeros(8))))
        maps = head.maps(head.prepare((feats,)), torch.tensor(labels)[:, None])['semantic']
        low, top = maps.amin((2, 3)), maps.amax((2, 3))
        fewest.append(int(((maps.flatten(2) - low[..., None]) / (top - low)[..., None] > 0.6).sum(-1).min()))
    assert min(fewest) < 3  # the pixels of some map were given again
    assert losses['loss_global'] > 0.1


def test_the_defaults_are_the_authors():
    head = build(pick='raster')
    by_hand = ByHand(head)
    for _ in range(2):
        (feats,) = feats_of()
        losses, expected = head.loss((feats,), make_samples(1, 1, 5, 5)), by_hand.losses(feats, [1, 1, 5, 5])
        for name, value in expected.items():
            torch.testing.assert_close(losses[name], value)
    torch.testing.assert_close(head.centres[5], by_hand.centres[5])
    assert build().pick == 'random'


def test_a_class_without_a_centre_has_no_global_loss():
    means, centres = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3)
    loss = global_consistency(means, centres, torch.tensor([False, True]))
    torch.testing.assert_close(loss, (means[1] - centres[1]).norm() / 2)
    (gradient,) = torch.autograd.grad(loss, means)
    assert not gradient[0].any()
    assert gradient[1].any()


def test_equal_pairs_have_finite_gradients():
    """A class with a single image, paired with itself."""
    pair = torch.randn(1, 1, 3, 5).expand(1, 2, 3, 5).clone().requires_grad_()
    loss = local_consistency(pair) + global_consistency(
        pair.mean(dim=(1, 2)), pair.detach().mean(dim=(1, 2)), torch.tensor([True])
    )
    assert loss.item() == pytest.approx(1e-6 * 5**0.5, rel=1e-3)
    loss.backward()
    assert bool(torch.isfinite(pair.grad).all())


@pytest.mark.parametrize('high', [0.3, 0.7, 0.95])
def test_first_pixels_row_by_row(high):
    maps = torch.randn(5, 4, 6)
    places = pick_object_pixels(maps, 3, high, at_random=False)
    assert places.tolist() == [places_by_hand(image, 3, high) for image in maps]


def test_random_pixels_are_any_of_the_high_ones():
    image = torch.tensor([[0.0, 0.8, 1.0], [0.9, 0.1, 0.7]])
    maps = torch.stack([image, torch.eye(2, 3), 5 * image - 3]).expand(3, 2, 3)
    drawn = torch.stack([pick_object_pixels(maps, 2, 0.7, at_random=True) for _ in range(200)])
    for index, high in ((0, {1, 2, 3}), (1, {0, 4}), (2, {1, 2, 3})):
        pairs = {tuple(pair) for pair in drawn[:, index].tolist()}
        assert pairs == {(a, b) for a in high for b in high if a != b}  # in any order, none twice
    assert len({tuple(each.flatten().tolist()) for each in drawn}) > 20  # images draw by themselves
    few = pick_object_pixels(maps[1:2], 5, 0.7, at_random=True)[0].tolist()
    assert few in ([0, 4, 0, 4, 0], [4, 0, 4, 0, 4])


def test_a_flat_map_gives_one_pixel():
    assert pick_object_pixels(torch.ones(1, 3, 4), 3, 0.7, at_random=False).tolist() == [[0, 0, 0]]
    places = [pick_object_pixels(torch.ones(1, 3, 4), 3, 0.7, at_random=True)[0].tolist() for _ in range(50)]
    assert all(len(set(each)) == 1 for each in places)
    assert len({each[0] for each in places}) > 5


def test_drawn_pixels_reach_the_losses():
    """Twice the same draw gives the same, another one does not."""
    head, feats, losses = build(high=0.1), feats_of(), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(head.loss(feats, make_samples(1, 1, 5, 5))['loss_local'].item())
    assert losses[0] == losses[1] != losses[2]


def test_features_are_the_backbones():
    """The last ones, before the dropout that the maps have."""
    head = build(hidden_channels=(), dropout=0.9)
    vectors = torch.randn(2, 8)  # the same at all pixels
    head.loss((torch.randn(2, 1, 5, 4), vectors[..., None, None].expand(2, 8, 5, 4)), make_samples(3, 3))
    torch.testing.assert_close(head.centres[3], vectors.mean(dim=0))


def test_nothing_moves_in_evaluation():
    head = build()
    head.loss(feats_of(), make_samples(1, 1, 5, 5))
    before = head.centres.clone(), head.counts.clone()
    head.eval()
    losses = head.loss(feats_of(), make_samples(1, 1, 5, 5))
    head.predict(feats_of(), make_samples(1, 2, 3, 4))
    assert losses['loss_global'] > 0
    assert torch.equal(head.centres, before[0])
    assert torch.equal(head.counts, before[1])


def test_evaluation_is_cam():
    head, cam, feats = build().eval(), build('CAMHead').eval(), feats_of()
    head.load_state_dict(cam.state_dict())
    for ours, theirs in zip(head.predict(feats, make_samples(1, 2, 3, 4)), cam.predict(feats), strict=True):
        assert torch.equal(ours.class_maps.maps[:5], theirs.class_maps.maps)
        assert torch.equal(ours.pred_score, theirs.pred_score)


def test_autocast_rounds_no_distance():
    head, (feats,) = build(hidden_channels=(), pick='raster'), feats_of()
    rounded = feats.bfloat16()
    for _ in range(2):
        with torch.autocast('cpu', torch.bfloat16):
            losses = head.loss((rounded,), make_samples(1, 1, 5, 5))
            maps = head.classifier[-1](rounded)
        places = [places_by_hand(one[y].float(), 3, 0.7) for one, y in zip(maps, (1, 1, 5, 5), strict=True)]
        pixels = torch.stack(
            [one.flatten(1)[:, place].T for one, place in zip(rounded.float(), places, strict=True)]
        ).unflatten(0, (2, 2))
        torch.testing.assert_close(losses['loss_local'], 0.008 * local_consistency(pixels))
        assert {losses[name].dtype for name in ('loss_local', 'loss_global')} == {torch.float32}
        assert losses['loss_global'].item() == 0  # the same pixels twice
        torch.testing.assert_close(head.centres[[1, 5]], pixels.mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ((1, 5, 1, 5), r'of one class: set train_dataloader\.sampler\.type to ClassPairSampler'),
        ((1, 1, 1, 5), r'of one class: set train_dataloader\.sampler\.type to ClassPairSampler'),
        ((1, 1, 5), r'got 3: set train_dataloader\.batch_size to an even number'),
    ],
)
def test_batches_without_pairs_are_refused(labels, message):
    with pytest.raises(ValueError, match=f'I2CHead needs pairs of images.*{message}'):
        build().loss(feats_of(len(labels)), make_samples(*labels))


def test_soft_labels_are_refused():
    samples = [sample.set_gt_score(torch.rand(6).softmax(0)) for sample in make_samples(1, 1)]
    with pytest.raises(ValueError, match='I2CHead needs one true class an image: leave batch augmentations'):
        build(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True)).loss(feats_of(2), samples)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(pick='first'), "pick must be random or raster, got 'first'"),
        (dict(num_pixels=0), 'num_pixels must be a whole number from 1'),
        (dict(high=1.0), 'high from 0 to below 1'),
        (dict(high=-0.1), 'high from 0 to below 1'),
        (dict(decay=-1), 'decay at least 0'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


class Images(torch.utils.data.Dataset):
    """Ten small images of five classes."""

    def __init__(self):
        self.metainfo = dict(classes=tuple('abcde'))
        self.images = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(5))

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return dict(inputs=self.images[index], data_samples=make_samples(index // 2)[0])

    def get_gt_labels(self):
        return [index // 2 for index in range(10)]


def make_runner(folder, head='I2CHead', epochs=2, **kwargs):
    model = dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
        backbone=BACKBONE,
        head=dict(type=head, num_classes=5, in_channels=64, dropout=0.5),
    )
    return Runner(
        model=MODELS.build(model),
        work_dir=str(folder),
        experiment_name=f'{folder}-{head}-{len(kwargs)}',
        train_dataloader=dict(
            batch_size=4,
            dataset=Images(),
            sampler=dict(type='ClassPairSampler' if head == 'I2CHead' else 'DefaultSampler'),
            collate_fn=dict(type='pseudo_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01)),
        custom_hooks=[dict(type='EpochSeedHook'), dict(type='StrictCheckpointHook'), dict(type='LabelCheckHook')],
        randomness=dict(seed=3),
        default_scope='mmtscam',
        log_level='ERROR',
        **kwargs,
    )


def test_resumed_is_uninterrupted(tmp_path):
    whole = make_runner(tmp_path / 'whole')
    whole.train()
    make_runner(tmp_path / 'part', epochs=1).train()
    resumed = make_runner(tmp_path / 'part', resume=True)
    assert resumed.model.head.counts.sum() == 0
    resumed.train()
    expected, state = whole.model.state_dict(), resumed.model.state_dict()
    assert state['head.counts'].tolist() == [2] * 5
    assert bool(state['head.centres'].any(dim=1).all())
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(state[name], value), name


def test_start_from_a_cam(tmp_path):
    cam = make_runner(tmp_path / 'cam', 'CAMHead', epochs=1)
    cam.train()
    runner = make_runner(tmp_path / 'i2c', load_from=str(tmp_path / 'cam' / 'epoch_1.pth'))
    with torch.no_grad():
        runner.model.head.centres.fill_(1)
        runner.model.head.counts.fill_(1)
    runner.load_or_resume()
    state = runner.model.state_dict()
    assert not state.pop('head.centres').any()
    assert not state.pop('head.counts').any()
    assert state.keys() == cam.model.state_dict().keys()
    for name, value in cam.model.state_dict().items():
        assert torch.equal(state[name], value), name


def test_other_missing_weights_are_still_seen():
    head, state = build(), build('CAMHead').state_dict()
    del state['classifier.0.bias']
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "classifier.0.bias"'):
        head.load_state_dict(state)


def test_a_cam_refuses_the_centres(tmp_path):
    """A test of I2C is one with its own config."""
    torch.save(dict(state_dict=make_runner(tmp_path / 'i2c').model.state_dict()), tmp_path / 'i2c.pth')
    runner = make_runner(tmp_path / 'cam', 'CAMHead', load_from=str(tmp_path / 'i2c.pth'))
    told = r'i2c\.pth: does not fit this config: its head has centres and classifier and counts and this CAMHead'
    with pytest.raises(ValueError, match=told) as e:
        runner.load_or_resume()
    assert 'Unexpected key(s) in state_dict: "head.centres", "head.counts"' in str(e.value)
