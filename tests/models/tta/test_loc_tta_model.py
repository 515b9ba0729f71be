import copy

import pytest
import torch
from loc_samples import make_samples
from tscam_models import build_model, make_images

from mmtscam.localization import min_max
from mmtscam.models import LocTTAModel
from mmtscam.models.tta.closer_look import cut_out, paste, window_of


@pytest.fixture
def model():
    return build_model()


def views_of(images, *labels, crops=0):
    """Images as they are and mirrored, and crops of both."""
    mirrored = [images, images.flip(-1)] + [images[..., :32, :32] + index for index in range(crops)]
    samples = [make_samples(*labels) for _ in mirrored]
    for view, flip, crop in zip(samples, [False, True] + [False] * crops, [False] * 2 + [True] * crops, strict=True):
        for sample in view:
            sample.set_metainfo(dict(flip=flip, crop=crop))
    return dict(inputs=mirrored, data_samples=samples)


def predict_view(model, images, labels):
    """Scores and maps of all classes of one view."""
    feats = model.head.prepare(model.extract_feat(images))
    return model.head.logits(feats).softmax(dim=1), model.head.maps(feats)


def test_scores_and_maps_are_means_of_the_views(model):
    images = make_images('deit')
    data = views_of(images, 1, 5)
    with torch.no_grad():
        found = LocTTAModel(model).predict(**data)
        scores, maps = predict_view(model, images, (1, 5))
        mirrored_scores, mirrored = predict_view(model, images.flip(-1), (1, 5))
    expected = (scores + mirrored_scores) / 2
    for index, sample in enumerate(found):
        torch.testing.assert_close(sample.pred_score, expected[index])
        best = expected[index].topk(2).indices.tolist()
        assert sample.pred_label.item() == best[0]
        assert sample.pred_instances.labels.tolist() == best
        truth = sample.gt_label.item()
        labels = best + ([truth] if truth not in best else [])
        assert sample.class_maps.labels.tolist() == labels
        for kind in ('coupled', 'attention', 'semantic'):
            one, other = maps[kind][index], mirrored[kind][index].flip(-1)
            if kind == 'attention':
                one, other = (each.expand(6, -1, -1) for each in (one, other))
            mean = (min_max(one[labels]) + min_max(other[labels])) / 2
            torch.testing.assert_close(sample.class_maps[kind], mean)
        assert torch.equal(sample.class_maps.maps, sample.class_maps.coupled)
        assert (sample.class_maps.views, sample.class_maps.crops) == (2, 0)
        assert sample.class_maps.threshold == model.head.settings.protocol.threshold
        assert 'query_label' not in sample


def test_a_mirror_image_gives_the_mirrored_maps(model):
    """Views of an image and of its mirror image are the same ones."""
    images = make_images('deit')
    one, other = (LocTTAModel(model).predict(**views_of(each, 1, 5)) for each in (images, images.flip(-1)))
    for ours, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        torch.testing.assert_close(ours.class_maps.maps, theirs.class_maps.maps.flip(-1))


def test_one_view_changes_no_box(model):
    images = make_images('deit')
    data = views_of(images, 1, 5)
    alone = {name: value[:1] for name, value in data.items()}
    expected = list(model.predict(images, make_samples(1, 5)))
    for ours, theirs in zip(LocTTAModel(model).predict(**alone), expected, strict=True):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        assert torch.equal(ours.pred_instances.labels, theirs.pred_instances.labels)
        torch.testing.assert_close(ours.pred_instances.bboxes, theirs.pred_instances.bboxes)


def test_crops_classify_and_the_whole_localises(model):
    images = make_images('deit')
    data = views_of(images, 1, 5, crops=3)
    with torch.no_grad():
        expected = torch.stack([model.head(model.extract_feat(view)).softmax(dim=1) for view in data['inputs'][2:]])
    without = LocTTAModel(model).predict(**views_of(images, 1, 5))
    for index, sample in enumerate(LocTTAModel(model).predict(**data)):
        torch.testing.assert_close(sample.pred_score, expected.mean(dim=0)[index])
        # The map of the true class is the same, whatever the scores.
        mine, theirs = (
            each.class_maps.labels.tolist().index(each.gt_label.item()) for each in (sample, without[index])
        )
        torch.testing.assert_close(sample.class_maps.maps[mine], without[index].class_maps.maps[theirs])
        assert (sample.class_maps.views, sample.class_maps.crops) == (2, 3)


def test_views_in_several_sizes_are_brought_to_the_finest_grid(model):
    small, large = make_images('deit', 4, 4), make_images('deit', 6, 6)
    samples = [make_samples(1, 5), make_samples(1, 5)]
    for sample in LocTTAModel(model).predict([small, large], samples):
        assert sample.class_maps.maps.shape[-2:] == (6, 6)
        assert 0 <= sample.class_maps.maps.min() <= sample.class_maps.maps.max() <= 1


def closer_views_of(images, source, *labels, flip=False):
    """Images as they are, mirrored too with ``flip``, and larger ones to cut closer looks from."""
    inputs = [images, *([images.flip(-1)] if flip else []), source]
    samples = [make_samples(*labels) for _ in inputs]
    for place, view in enumerate(samples):
        for sample in view:
            sample.set_metainfo(dict(flip=flip and place == 1, crop=False, zoom=place == len(inputs) - 1))
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('flip', [False, True])
def test_a_closer_look_classifies_and_joins_its_map(model, flip):
    """Against the steps written out."""
    images = make_images('deit')
    source = torch.nn.functional.interpolate(images, scale_factor=2, mode='bilinear')
    found = LocTTAModel(model).predict(**closer_views_of(images, source, 1, 5, flip=flip))
    views = [images, images.flip(-1)][: 1 + flip]
    with torch.no_grad():
        first = LocTTAModel(model).predict(views, [
            [sample.set_metainfo(dict(flip=bool(place))) or sample for sample in make_samples(1, 5)]
            for place in range(len(views))
        ])  # fmt: skip
        cut, windows = cut_out(
            source, [window_of(sample, model.head.settings.protocol) for sample in first], images.shape[-2:]
        )
        looks = [predict_view(model, each, (1, 5)) for each in [cut, cut.flip(-1)][: 1 + flip]]
        wholes = [predict_view(model, each, (1, 5)) for each in views]
    scores = torch.stack([scores for scores, _ in looks]).mean(dim=0)
    for index, sample in enumerate(found):
        torch.testing.assert_close(sample.pred_score, scores[index])
        assert sample.pred_instances.labels.tolist() == scores[index].topk(2).indices.tolist()
        assert sample.pred_label.item() == scores[index].argmax()
        labels = sample.class_maps.labels

        def mean(views, kind, index=index, labels=labels):
            maps = [maps[kind][index] for _, maps in views]
            if kind == 'attention':
                maps = [each.expand(6, -1, -1) for each in maps]
            turned = [each.flip(-1) if place else each for place, each in enumerate(maps)]
            return torch.stack([min_max(each[labels]) for each in turned]).mean(dim=0)

        for kind in ('coupled', 'attention', 'semantic'):
            expected = paste(mean(wholes, kind), mean(looks, kind), windows[index])
            torch.testing.assert_close(sample.class_maps[kind], expected)
        assert torch.equal(sample.class_maps.maps, sample.class_maps.coupled)
        assert (sample.class_maps.views, sample.class_maps.crops, sample.class_maps.zoom) == (1 + flip, 0, True)
        assert 'query_label' not in sample


def test_a_closer_look_at_the_class_that_is_asked_for(model):
    images = make_images('deit')
    data = closer_views_of(images, torch.cat([images, images], dim=-1), 1, 5)
    for sample in data['data_samples'][0]:
        sample.set_query_label([4])
    for sample in LocTTAModel(model).predict(**data):
        assert sample.pred_instances.labels.tolist() == sample.query_label.tolist() == [4]


def test_classes_that_are_asked_for(model):
    data = views_of(make_images('deit'), 1, 5)
    for sample in data['data_samples'][0]:
        sample.set_query_label([4])
    settings = model.head.settings_with(map_kind='semantic', threshold=0.3, topk=1)
    for sample in LocTTAModel(model).predict(**data, settings=settings):
        assert sample.pred_instances.labels.tolist() == [4]
        assert sample.class_maps.map_kind == 'semantic'
        assert sample.class_maps.threshold == 0.3
        assert sample.query_label.tolist() == [4]


def test_a_step_normalises_each_view(model):
    data = views_of(make_images('deit'), 1, 5)
    whole = LocTTAModel(model)
    expected = whole.predict(**copy.deepcopy(data))
    for ours, theirs in zip(whole.test_step(data), expected, strict=True):
        assert torch.equal(ours.class_maps.maps, theirs.class_maps.maps)


def test_a_head_without_maps_is_refused():
    config = dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
        backbone=dict(type='mmpretrain.ResNet', depth=18),
        head=dict(
            type='mmpretrain.LinearClsHead',
            num_classes=6,
            in_channels=512,
            loss=dict(type='mmpretrain.CrossEntropyLoss'),
        ),
    )
    with pytest.raises(ValueError, match='joins maps, and LinearClsHead makes none'):
        LocTTAModel(config)
