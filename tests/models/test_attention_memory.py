"""No matrix of all tokens by all tokens, and nothing of the map while training.

The tests look at the shape of what each operation returns, forward and backward.
The images give 5 x 7 patches, with the class token 36 tokens, or 17 x 17
patches, 290 tokens: numbers that no other axis of the small models has.
"""

import pytest
import torch
from tscam_models import (
    HEADS,
    WatchShapes,
    assert_close,
    build_model,
    make_images,
    predict,
    tensors_of,
    training_step,
)

TOKENS = 36
# Attention Rollout computes 256 rows of a matrix at once.
LARGE = (17, 17)
MODELS_WITH_ATTENTION = [
    ('deit', 'TSCAMHead'),
    ('deit', 'ClassTokenHead'),
    ('conformer', 'TSCAMHead'),
    ('conformer', 'ClassTokenHead'),
]
every_model = pytest.mark.parametrize(('backbone', 'head'), MODELS_WITH_ATTENTION)
every_backbone = pytest.mark.parametrize('backbone', ['deit', 'conformer'])
both_aggregations = pytest.mark.parametrize('aggregation', ['mean', 'rollout'])


def rows_of(batch, tokens):
    """Shapes that the class token's row has on its way to the map."""
    return (batch, HEADS, 1, tokens), (batch * HEADS, 1, tokens), (batch, tokens)


def watch(step, model, images):
    with WatchShapes() as watched:
        step(model, images)
    return watched


@every_model
def test_prediction_forms_no_matrix(backbone, head):
    watched = watch(predict, build_model(backbone, head), make_images(backbone))
    assert watched.attention_matrices(TOKENS) == []
    # Not because nothing was seen: the rows were computed.
    assert watched.with_shape((2, TOKENS))


@every_backbone
def test_prediction_by_rollout_forms_no_matrix(backbone):
    model, images = build_model(backbone, attn_aggregation='rollout'), make_images(backbone, *LARGE, batch=1)
    watched = watch(predict, model, images)
    assert watched.attention_matrices(290) == []
    assert watched.with_shape((1, HEADS, 256, 290))


@every_model
@both_aggregations
def test_training_step_forms_no_matrix(backbone, head, aggregation):
    watched = watch(training_step, build_model(backbone, head, attn_aggregation=aggregation), make_images(backbone))
    assert watched.attention_matrices(TOKENS) == []
    # Not because nothing was seen: the backward pass of attention was.
    assert any('attention' in name and 'backward' in name for name, _ in watched.seen)


@every_backbone
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_no_matrix_in_half_precision(backbone, dtype):
    model, images = build_model(backbone), make_images(backbone)
    for step in (training_step, predict):
        with torch.autocast('cpu', dtype):
            watched = watch(step, model, images)
        assert watched.attention_matrices(TOKENS) == []


@every_backbone
def test_explicit_attention_is_noticed(backbone):
    """The tests above can fail: the readable reference forms the matrix, forward and backward."""
    model, images = build_model(backbone, attn_impl='explicit'), make_images(backbone)
    matrix = (2, HEADS, TOKENS, TOKENS)
    for step in (predict, training_step):
        found = watch(step, model, images).attention_matrices(TOKENS)
        assert ('aten._softmax.default', matrix) in found
    assert ('aten._softmax_backward_data.default', matrix) in found


def test_rollout_of_few_tokens_is_noticed():
    """All rows at once are a matrix."""
    watched = watch(predict, build_model(attn_aggregation='rollout'), make_images('deit'))
    assert watched.attention_matrices(TOKENS)


@every_backbone
@both_aggregations
def test_training_computes_nothing_of_the_map(backbone, aggregation):
    model, images = build_model(backbone, attn_aggregation=aggregation), make_images(backbone)
    rows = rows_of(2, TOKENS)
    assert watch(predict, model, images).with_shape(*rows)  # they are noticed
    assert watch(training_step, model, images).with_shape(*rows) == []
    assert model.training
    assert model.extract_feat(images).attention is None


@every_backbone
def test_explicit_training_computes_no_row(backbone):
    watched = watch(training_step, build_model(backbone, attn_impl='explicit'), make_images(backbone))
    assert watched.with_shape(*rows_of(2, TOKENS)) == []


@every_backbone
@both_aggregations
@pytest.mark.parametrize('impl', ['fused', 'explicit'])
@pytest.mark.slow
def test_no_tensor_is_left_behind(backbone, aggregation, impl):
    others = tensors_of(TOKENS)  # of other tests
    model, images = build_model(backbone, attn_aggregation=aggregation, attn_impl=impl), make_images(backbone)
    model.eval()
    feats = model.extract_feat(images)
    assert tensors_of(TOKENS, others)  # what feats refers to
    del feats
    assert tensors_of(TOKENS, others) == []
    training_step(model, images)
    assert tensors_of(TOKENS, others) == []
    predict(model, images)
    assert tensors_of(TOKENS, others) == []


class Interrupted(Exception):  # noqa: N818 - it stands for whatever happens
    pass


def interrupt(model, images):
    """A forward pass in evaluation that fails in the last block's feed-forward network."""
    last = [module for name, module in model.named_modules() if name.endswith('.ffn')][-1]

    def fail(*_):
        raise Interrupted

    handle = last.register_forward_pre_hook(fail)
    with pytest.raises(Interrupted):
        predict(model, images)
    handle.remove()


@every_backbone
@both_aggregations
@pytest.mark.parametrize('step', [predict, training_step])
@pytest.mark.slow
def test_what_a_failed_pass_leaves_is_not_used(backbone, aggregation, step):
    others = tensors_of(TOKENS)  # of other tests
    model, images = build_model(backbone, attn_aggregation=aggregation), make_images(backbone)
    expected = model.extract_feat(images).attention
    for _ in range(3):
        # Other images, and more of them.
        interrupt(model, make_images(backbone, batch=3).flip(0))
    model.eval()
    assert_close(model.extract_feat(images).attention, expected, 1e-6)
    interrupt(model, images)
    step(model, images)
    del expected
    assert tensors_of(TOKENS, others) == []
