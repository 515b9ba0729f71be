from dataclasses import replace

import pytest
import torch

from mmtscam.models.checkpoints import to_reference
from mmtscam.registry import MODELS
from mmtscam.speed import baseline
from mmtscam.speed.baseline import build_plain, count_flops, normalizer, plain_like, plain_pipeline, threshold_of
from mmtscam.speed.inputs import make_batches, our_batch
from mmtscam.speed.ours import build_model

PLAIN = 'a DeiT without layer scale, other norms or other patches'


def test_the_baseline_has_our_weights(evaluate):
    cfg = evaluate.load()
    plain, ours = build_plain(cfg, 'cpu'), to_reference(build_model(cfg, 'cpu').state_dict())
    assert set(plain.state_dict()) == set(ours)
    assert all(torch.equal(value, ours[name]) for name, value in plain.state_dict().items())
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in plain.parameters())
    assert not plain.training


def test_the_shape_alone_takes_no_memory(evaluate):
    plain = plain_like(build_model(evaluate.load(), 'cpu'))
    assert {parameter.device.type for parameter in plain.parameters()} == {'meta'}
    assert [block.drop_path for block in plain.blocks] == [0.0, pytest.approx(0.3)]


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'head.map_kind': 'semantic'}, 'the kind of map coupled, not semantic'),
        ({'head.topk': 2}, 'so many classes with boxes: 5, not 2'),
        ({'head.protocol': 'wsol-v2', 'head.threshold': 0.1}, 'the protocol tscam, not wsol-v2'),
        ({'backbone.attn_layers': [-1]}, r'attention of the blocks \[0, 1\], not \[1\]'),
        ({'backbone.attn_aggregation': 'rollout'}, 'attention by mean, not rollout'),
        ({'backbone.layer_scale_init_value': 0.1}, PLAIN),
        ({'backbone.pre_norm': True}, PLAIN),
        ({'backbone.qkv_bias': False}, PLAIN),
        ({'backbone.patch_cfg': dict(stride=4)}, PLAIN),
    ],
)
def test_a_model_for_which_it_is_not_written(evaluate, option, message):
    options = {f'model.{name}': value for name, value in option.items()}
    cfg = replace(evaluate, cfg_options=options).load()
    with pytest.raises(ValueError, match=f'^the baseline is written for {message}$'):
        build_plain(cfg, 'cpu')


def test_operations_counted_by_hand(evaluate):
    cfg = replace(evaluate, input_size=48, classes=5).load()
    width, depth, hidden, classes, patch = 32, 2, 64, 5, 8
    patches = (48 // patch) ** 2
    tokens = patches + 1
    embedding = patches * 3 * patch**2 * width
    block = tokens * width * (3 * width + width + 2 * hidden) + 2 * tokens**2 * width
    conv = patches * 9 * width * classes
    expected = 2 * (embedding + depth * block + conv)
    assert count_flops(build_model(cfg, 'cpu'), 48) == expected
    with torch.device('meta'):
        assert count_flops(MODELS.build(cfg.model), 48) == expected


def test_images_are_normalised_as_by_our_model(evaluate):
    cfg = evaluate.load()
    batch = make_batches(evaluate, cfg)[0]
    ours = build_model(cfg, 'cpu').data_preprocessor(our_batch(batch))['inputs']
    torch.testing.assert_close(normalizer(cfg, 'cpu')(batch), ours)


def test_the_threshold_is_the_heads(evaluate):
    cfg = evaluate.load()
    assert threshold_of(cfg) == build_model(cfg, 'cpu').head.settings.protocol.threshold == 0.05
    cfg.model.head.threshold = None
    assert threshold_of(cfg) == build_model(cfg, 'cpu').head.settings.protocol.threshold == 0.1


def test_training_trains_all_weights(evaluate, monkeypatch):
    built = []
    monkeypatch.setattr(baseline, 'build_plain', lambda *args: built.append(build_plain(*args)) or built[0])
    setting = replace(evaluate, workload='train')
    train = baseline.training(setting, setting.load(), None)
    before = {name: value.clone() for name, value in built[0].state_dict().items()}
    train()
    assert built[0].training
    assert not any(torch.equal(value, before[name]) for name, value in built[0].state_dict().items())


def test_arguments_of_a_pipeline(tiny_config):
    pipeline = tiny_config.train_dataloader.dataset.pipeline
    assert plain_pipeline(pipeline) == dict(resize=(92, 92), crop=80, flip=True)
    steps = [dict(type='LoadImageFromFile'), dict(type='mmpretrain.Resize', scale=32), dict(type='PackLocInputs')]
    assert plain_pipeline(steps) == dict(resize=(32, 32), crop=None, flip=False)


def test_a_pipeline_that_the_baseline_has_not():
    steps = [dict(type='LoadResizedImage', scale=32), dict(type='mmpretrain.ColorJitter')]
    with pytest.raises(ValueError, match=r'knows nothing of ColorJitter in the training pipeline: leave load out$'):
        plain_pipeline(steps)
    with pytest.raises(ValueError, match=r'needs a Resize in the training pipeline: leave load out$'):
        plain_pipeline([dict(type='LoadImageFromFile')])
