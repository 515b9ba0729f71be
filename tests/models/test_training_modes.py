"""Fused attention beside the explicit one, in half precision, compiled and with activation checkpointing."""

import copy
import functools
import math

import pytest
import torch
import torch.nn.functional as F
from loc_samples import make_samples
from mmengine.config import Config
from mmengine.runner import Runner, turn_on_activation_checkpointing
from torch.utils.checkpoint import checkpoint
from tscam_models import WIDTH, assert_close, build_model, make_images, predict, training_step

from mmtscam.localization import class_attention, explicit_attention, rowwise_attention

every_backbone = pytest.mark.parametrize('backbone', ['deit', 'conformer'])
BLOCKS = {'deit': ['layers.0', 'layers.1'], 'conformer': ['trans_1', 'conv_trans_2']}


def flat(gradients):
    return torch.cat([gradient.flatten().float() for gradient in gradients.values()])


def cosine(ours, reference):
    return F.cosine_similarity(ours.flatten().float(), reference.flatten().float(), dim=0)


# Fused and explicit


@every_backbone
@pytest.mark.parametrize('size', [(5, 7), (3, 3), (1, 9)])
def test_fused_prediction_is_the_explicit_one(backbone, size):
    fused, explicit = build_model(backbone), build_model(backbone, attn_impl='explicit')
    images = make_images(backbone, *size)
    assert_close(fused.extract_feat(images).attention, explicit.extract_feat(images).attention)
    assert_close(fused(images, mode='tensor'), explicit(images, mode='tensor'))
    for ours, reference in zip(predict(fused, images), predict(explicit, images), strict=True):
        assert ours.class_maps.labels.tolist() == reference.class_maps.labels.tolist()
        for kind in ('coupled', 'attention', 'semantic'):
            assert_close(ours.class_maps[kind], reference.class_maps[kind])


@every_backbone
@pytest.mark.parametrize('size', [(5, 7), (1, 9)])
def test_fused_training_step_is_the_explicit_one(backbone, size):
    images = make_images(backbone, *size)
    loss, gradients = training_step(build_model(backbone), images)
    expected_loss, expected = training_step(build_model(backbone, attn_impl='explicit'), images)
    assert_close(loss, expected_loss)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        if backbone == 'conformer' and expected[name].abs().max() < 1e-5:
            continue  # batch norm takes the bias before it away
        # Batch norm over nine patches enlarges roundings.
        assert_close(gradient, expected[name], 1e-5 if backbone == 'deit' else 3e-5)


# Half precision: bfloat16 keeps 8 bits, float16 11, of which a few blocks lose some.
half_precision = pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.bfloat16, 2**-4), (torch.float16, 2**-7)], ids=['bf16', 'fp16']
)


@every_backbone
@half_precision
def test_training_step_in_half_precision(backbone, dtype, tolerance):
    images = make_images(backbone, 3, 4)
    loss, gradients = training_step(build_model(backbone), images)
    with torch.autocast('cpu', dtype):
        half_loss, half_gradients = training_step(build_model(backbone), images)
    assert half_loss != loss  # it was another precision
    assert_close(half_loss, loss, tolerance)
    ours, reference = flat(half_gradients), flat(gradients)
    assert bool(torch.isfinite(ours).all())
    # The convolutional branch has many ReLUs, some of which open or close.
    assert cosine(ours, reference) > (0.99 if backbone == 'deit' else 0.85)


@every_backbone
@half_precision
@pytest.mark.parametrize(('impl', 'aggregation'), [('fused', 'mean'), ('explicit', 'mean'), ('fused', 'rollout')])
def test_prediction_in_half_precision(backbone, dtype, tolerance, impl, aggregation):
    model = build_model(backbone, attn_impl=impl, attn_aggregation=aggregation)
    images = make_images(backbone, 3, 4)
    reference = predict(model, images)
    with torch.autocast('cpu', dtype):
        half = predict(model, images)
    for ours, theirs in zip(half, reference, strict=True):
        assert ours.class_maps.labels.tolist() == theirs.class_maps.labels.tolist()
        for kind in ('coupled', 'attention', 'semantic'):
            assert not torch.equal(ours.class_maps[kind], theirs.class_maps[kind])
            assert_close(ours.class_maps[kind], theirs.class_maps[kind], tolerance)


def test_large_logits_do_not_overflow_in_float16():
    """A query times a key is more than float16 holds; scaled first, it is not."""
    signs = torch.randn(1, 2, 9, 64).sign()
    query = key = 60 * signs
    value = torch.randn(1, 2, 9, 64)
    assert (query @ key.mT).max() > torch.finfo(torch.float16).max
    weights = (query.double() @ key.double().mT / math.sqrt(64)).softmax(-1)
    half = [tensor.half() for tensor in (query, key, value)]
    output, matrix = explicit_attention(*half)
    for ours, reference in (
        (class_attention(*half[:2]), weights[:, :, 0].mean(1)),
        (matrix, weights),
        (output, weights @ value.double()),
        (F.scaled_dot_product_attention(*half), weights @ value.double()),
    ):
        assert_close(ours, reference, 2**-9)


# Compiled


class CountGraphs:
    """A backend of torch.compile that needs no C++ compiler, and the number of graphs it was given."""

    def __init__(self, backend):
        self.backend = torch._dynamo.lookup_backend(backend)
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return self.backend(graph, inputs)


@pytest.fixture
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def _tensors(feats):
    """The parts of a backbone's output, further maps one by one."""
    return [*feats[:4], *(feats.maps or {}).values()]


def count_graphs(eager, backbone, batches):
    """Graphs after each call of the compiled backbone, which must agree with the backbone itself."""
    count = CountGraphs('eager')
    compiled = torch.compile(eager, fullgraph=True, backend=count)
    graphs = []
    for batch in batches:
        images = make_images(backbone, batch=batch)
        torch.manual_seed(batch)  # of the paths to drop
        expected = eager(images)
        torch.manual_seed(batch)
        feats = compiled(images)
        assert (feats.attention is None) == eager.training
        for ours, reference in zip(_tensors(feats), _tensors(expected), strict=True):
            if reference is not None:
                assert_close(ours, reference)
        graphs.append(count.graphs)
    return graphs


@pytest.mark.slow
@pytest.mark.usefixtures('_fresh_compiler')
@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
@pytest.mark.parametrize(
    'kwargs', [dict(drop_path_rate=0.3), dict(attn_aggregation='rollout')], ids=['drop', 'rollout']
)
def test_compiled_deit_is_one_graph(kwargs, training):
    """``fullgraph`` refuses a break; another batch size costs one more graph, and no further call any."""
    backbone = build_model(**kwargs).backbone
    backbone.train(training)
    assert count_graphs(backbone, 'deit', (2, 2, 3, 4, 2)) == [1, 1, 2, 2, 2]


@pytest.mark.usefixtures('_fresh_compiler')
@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
def test_compiled_conformer_is_one_graph(training):
    backbone = build_model('conformer', drop_path_rate=0.3).backbone
    backbone.train(training)
    assert count_graphs(backbone, 'conformer', (2, 2, 2)) == [1, 1, 1]


@pytest.mark.usefixtures('_fresh_compiler')
@pytest.mark.parametrize('spatial_tokens', ['learned', 'image'])
@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
def test_compiled_sat_is_one_graph(spatial_tokens, training):
    backbone = build_model('sat', 'SATHead', spatial_tokens=spatial_tokens, drop_path_rate=0.3).backbone
    backbone.train(training)
    assert count_graphs(backbone, 'sat', (2, 2, 2)) == [1, 1, 1]


@pytest.mark.usefixtures('_fresh_compiler')
def test_compiled_training_and_evaluation_in_turns():
    """One graph each, however often; forward and backward as without."""
    arch = dict(embed_dims=WIDTH, num_layers=1, num_heads=2, feedforward_channels=28)
    model, images = build_model(arch=arch), make_images('deit')
    expected_maps = model.extract_feat(images).attention
    expected_loss, expected = training_step(model, images)
    count = CountGraphs('aot_eager')
    model.backbone.forward = torch.compile(model.backbone.forward, fullgraph=True, backend=count)
    for _ in range(3):
        loss, gradients = training_step(model, images)
        assert_close(loss, expected_loss)
        for name, gradient in gradients.items():
            assert_close(gradient, expected[name])
        model.eval()
        with torch.no_grad():
            assert_close(model.extract_feat(images).attention, expected_maps)
    assert count.graphs == 2


@pytest.mark.usefixtures('_fresh_compiler')
def test_compiled_training_in_bfloat16():
    """With attention by rows, which has a backward pass of its own."""
    arch = dict(embed_dims=WIDTH, num_layers=1, num_heads=2, feedforward_channels=28)
    model, images = build_model(arch=arch), make_images('deit')
    count = CountGraphs('aot_eager')
    with torch.autocast('cpu', torch.bfloat16):
        expected_loss, expected = training_step(model, images)
        model.backbone.forward = torch.compile(model.backbone.forward, fullgraph=True, backend=count)
        loss, gradients = training_step(model, images)
    assert count.graphs == 1
    assert_close(loss, expected_loss, 2**-7)
    assert cosine(flat(gradients), flat(expected)) > 0.999


def run(cfg, name, **options):
    """Weights before and after training, metrics and maps of the test, of a run through the Runner."""
    cfg = Config({**cfg.to_dict(), **options})
    cfg.experiment_name += name
    cfg.work_dir += name
    cfg.model.backbone.arch.num_layers = 1
    cfg.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    cfg.train_cfg.update(max_epochs=1, val_interval=2)
    cfg.train_dataloader.dataset.indices = 16
    cfg.test_evaluator = dict(type='LocAccuracy')
    cfg.randomness = dict(seed=0)
    runner = Runner.from_cfg(cfg)
    start = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    return start, runner.model.state_dict(), runner.test()


@pytest.mark.usefixtures('_fresh_compiler')
@pytest.mark.parametrize(
    'options',
    [dict(compile=dict(backend='aot_eager')), dict(activation_checkpointing=['backbone.layers.0'])],
    ids=['compile', 'checkpointing'],
)
@pytest.mark.slow
def test_run_as_mmengine_offers_it(tiny_config, options):
    start, expected, expected_metrics = run(tiny_config, 'plain')
    torch._dynamo.utils.counters.clear()
    _, weights, metrics = run(tiny_config, 'other', **options)
    # Training and test were compiled, or were not.
    assert (torch._dynamo.utils.counters['stats']['unique_graphs'] > 1) == ('compile' in options)
    assert metrics == expected_metrics
    for name, value in expected.items():
        assert not torch.equal(value, start[name])
        assert_close(weights[name] - start[name], value - start[name], 1e-4)


# Activation checkpointing


def saved_bytes(model, images):
    """The bytes that a training step keeps for its backward pass, its loss and its gradients."""
    total = 0

    def pack(tensor):
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.train()
        loss = model.head.loss(model.extract_feat(images), make_samples(*range(len(images))))['loss']
    model.zero_grad()
    loss.backward()
    return total, loss, {name: value.grad.clone() for name, value in model.named_parameters()}


@every_backbone
@pytest.mark.parametrize('impl', ['fused', 'explicit'])
def test_activation_checkpointing(backbone, impl):
    model, images = build_model(backbone, attn_impl=impl), make_images(backbone)
    expected_feats = model.extract_feat(images)
    plain = copy.deepcopy(model)
    most, expected_loss, expected = saved_bytes(plain, images)
    turn_on_activation_checkpointing(model, [f'backbone.{block}' for block in BLOCKS[backbone]])
    # Before training: the convolutional branch's running statistics are to be those of before.
    for _ in range(2):
        for ours, reference in zip(model.extract_feat(images), expected_feats, strict=True):
            if reference is not None:
                assert_close(ours, reference)
    with torch.no_grad():
        assert_close(model.extract_feat(images).attention, expected_feats.attention)
    fewer, loss, gradients = saved_bytes(model, images)
    # The convolutional branch of Conformer keeps most.
    assert fewer < (0.7 if backbone == 'deit' else 0.95) * most
    assert_close(loss, expected_loss)
    for name, gradient in gradients.items():
        if expected[name].abs().max() > 1e-5:  # else batch norm takes the bias before it away
            assert_close(gradient, expected[name])
    model.eval()
    assert model.extract_feat(images).attention.shape == expected_feats.attention.shape


@every_backbone
@pytest.mark.parametrize('reentrant', [False, True])
@pytest.mark.parametrize('aggregation', ['mean', 'rollout'])
def test_gradients_in_evaluation_with_checkpointing(backbone, reentrant, aggregation):
    """The backward pass runs a block again, in evaluation: the next maps are the next images' all the same."""
    model, images = build_model(backbone, attn_aggregation=aggregation), make_images(backbone)
    others = make_images(backbone, batch=3).flip(0)
    expected = model.extract_feat(images).attention
    block = model.backbone.get_submodule(BLOCKS[backbone][0])
    block.forward = functools.partial(checkpoint, block.forward, use_reentrant=reentrant)
    model.extract_feat(others).patches.sum().backward()
    assert_close(model.extract_feat(images).attention, expected)
    model.train()
    assert model.extract_feat(images).attention is None


@every_backbone
def test_a_gradient_that_checkpointing_takes_away_is_missed(backbone):
    """mmengine's activation checkpointing is the reentrant one, and no gradient flows through what a block keeps."""
    model, images = build_model(backbone, attention='always').train(), make_images(backbone)
    assert model.extract_feat(images).attention.requires_grad
    turn_on_activation_checkpointing(model, [f'backbone.{block}' for block in BLOCKS[backbone]])
    with pytest.raises(RuntimeError, match=r'no gradient flows .* activation_checkpointing of the config'):
        model.extract_feat(images)
    with torch.no_grad():
        assert model.extract_feat(images).attention is not None
    model.requires_grad_(False)
    assert not model.extract_feat(images).attention.requires_grad


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16], ids=['fp32', 'bf16'])
def test_attention_is_dropped_in_the_pass_without_gradients_too(dtype):
    """mmengine's activation checkpointing computes the loss without gradients, then again with them."""
    model, images = build_model(layer_cfgs=dict(attn_drop_rate=0.9)), make_images('deit')
    checkpointed = copy.deepcopy(model)
    turn_on_activation_checkpointing(checkpointed, ['backbone.layers.0', 'backbone.layers.1'])
    losses = []
    for each in (model, checkpointed):
        torch.manual_seed(3)
        with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
            losses.append(training_step(each, images)[0])
    # The same draws: without any, the loss would be another.
    assert_close(losses[1], losses[0], 1e-5 if dtype == torch.float32 else 2**-9)
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
        assert abs(training_step(build_model(), images)[0] - losses[0]) > 0.01


@every_backbone
@pytest.mark.parametrize('impl', ['fused', 'explicit'])
@pytest.mark.parametrize('head', ['TSCAMHead', 'ClassTokenHead'])
def test_logits_and_class_attention_are_in_full_precision(backbone, impl, head):
    """Half precision would tie classes, and weights of an attention would be off by a hundredth."""
    if head == 'ClassTokenHead' and backbone == 'conformer':
        pytest.skip('Conformer has no class token among its features')
    model, images = build_model(backbone, head, attn_impl=impl), make_images(backbone)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        feats = model.extract_feat(images)
        logits = model.head(feats)
        (sample, _) = predict(model, images)
    # Not only by their type: bfloat16 has 8 bits.
    for tensor in (logits, sample.pred_score, *([feats.attention] if impl == 'fused' else [])):
        assert tensor.dtype == torch.float32
        assert not torch.equal(tensor, tensor.bfloat16().float())
    assert feats.attention.dtype == torch.float32


def test_class_attention_of_half_precision_tokens_has_no_further_rounding():
    query, key = (2 * torch.randn(2, 3, 50, 16)).bfloat16(), (2 * torch.randn(2, 3, 50, 16)).bfloat16()
    expected = class_attention(query.float(), key.float())
    with torch.autocast('cpu', torch.bfloat16):
        assert_close(class_attention(query, key), expected, 1e-6)


@pytest.mark.parametrize(
    ('training', 'dtype', 'calls'), [(False, 'bf16', 3), (True, 'bf16', 3), (False, 'fp32', 0), (True, 'fp32', 0)]
)
def test_attention_by_rows_is_for_bfloat16(training, dtype, calls, monkeypatch):
    called = []

    def rowwise(*args):
        called.append(args)
        return rowwise_attention(*args)

    monkeypatch.setattr('mmtscam.models.layers.class_attention.rowwise_attention', rowwise)
    model = build_model()
    with torch.set_grad_enabled(training), torch.autocast('cpu', torch.bfloat16, enabled=dtype == 'bf16'):
        training_step(model, make_images('deit')) if training else predict(model, make_images('deit'))
    assert len(called) == calls
