import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtscam.localization import (
    aggregate_attention,
    attention_rollout,
    class_attention,
    explicit_attention,
    rowwise_attention,
)


def _slow_attention(query, key, value):
    """Eq. 5 with loops, in double precision."""
    batch, heads, tokens, width = query.shape
    output = np.zeros(value.shape)
    weights = np.zeros((batch, heads, tokens, tokens))
    for b in range(batch):
        for k in range(heads):
            for i in range(tokens):
                scores = [sum(query[b, k, i] * key[b, k, j]) / math.sqrt(width) for j in range(tokens)]
                exps = [math.exp(score - max(scores)) for score in scores]
                weights[b, k, i] = np.array(exps) / sum(exps)
                output[b, k, i] = sum(weights[b, k, i, j] * value[b, k, j] for j in range(tokens))
    return output, weights


@pytest.fixture
def qkv():
    return torch.randn(3, 2, 3, 7, 5, dtype=torch.float64)


def test_explicit_attention_is_the_formula(qkv):
    output, weights = explicit_attention(*qkv)
    slow_output, slow_weights = _slow_attention(*qkv.numpy())
    np.testing.assert_allclose(weights.numpy(), slow_weights, atol=1e-12)
    np.testing.assert_allclose(output.numpy(), slow_output, atol=1e-12)


def test_explicit_attention_agrees_with_the_fused_one(qkv):
    query, key, value = qkv.float()
    torch.testing.assert_close(
        explicit_attention(query, key, value)[0], F.scaled_dot_product_attention(query, key, value)
    )


def test_dropout_acts_on_the_output_not_on_the_returned_weights(qkv):
    plain, weights = explicit_attention(*qkv)
    output, dropped_weights = explicit_attention(*qkv, dropout_p=1.0)
    assert plain.abs().min() > 0
    assert not output.any()
    assert torch.equal(dropped_weights, weights)
    half, _ = explicit_attention(*qkv, dropout_p=0.5)
    assert not torch.allclose(half, plain)


def test_class_attention_is_the_class_row_averaged_over_heads(qkv):
    _, weights = _slow_attention(*qkv.numpy())
    attention = class_attention(qkv[0], qkv[1])
    assert attention.shape == (2, 7)
    np.testing.assert_allclose(attention.numpy(), weights[:, :, 0].mean(axis=1), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 8)),
    spread=st.sampled_from([0.1, 1.0, 30.0]),
    seed=st.integers(0, 2**31 - 1),
)
def test_class_attention_of_any_shape(shape, spread, seed):
    query, key = spread * torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
    attention = class_attention(query, key)
    assert attention.shape == (shape[0], shape[2])
    assert (attention >= 0).all()
    torch.testing.assert_close(attention.sum(dim=1), torch.ones(shape[0]))
    _, weights = explicit_attention(query, key, key)
    torch.testing.assert_close(attention, weights[:, :, 0].mean(dim=1), atol=1e-5, rtol=1e-4)


def test_class_attention_follows_a_permutation_of_the_patches(qkv):
    query, key, _ = qkv
    order = torch.tensor([0, 4, 2, 6, 1, 3, 5])
    torch.testing.assert_close(
        class_attention(query[:, :, order], key[:, :, order]), class_attention(query, key)[:, order]
    )


def test_huge_logits_do_not_overflow(qkv):
    query, key, _ = qkv.float() * 1e4
    attention = class_attention(query, key)
    assert torch.isfinite(attention).all()
    torch.testing.assert_close(attention.sum(dim=1), torch.ones(2))


def test_aggregate_is_the_mean_over_blocks():
    attention = torch.rand(2, 5, 3, 4)
    expected = np.zeros((2, 3, 4))
    for block in range(5):
        expected += attention[:, block].numpy() / 5
    np.testing.assert_allclose(aggregate_attention(attention).numpy(), expected, rtol=1e-6)


def test_aggregate_equals_the_released_sum_after_min_max():
    attention = torch.rand(1, 12, 14, 14, dtype=torch.float64)

    def min_max(values):
        return (values - values.min()) / (values.max() - values.min())

    torch.testing.assert_close(min_max(aggregate_attention(attention)), min_max(attention.sum(dim=1)))


def _slow_rollout(blocks):
    """Abnar and Zuidema: mix each matrix with the identity, normalise its rows, multiply from the first block on."""
    rollout = None
    for query, key in blocks:
        _, weights = _slow_attention(query.numpy(), key.numpy(), key.numpy())
        mixed = weights.mean(axis=1) + np.eye(weights.shape[-1])
        mixed /= mixed.sum(axis=-1, keepdims=True)
        rollout = mixed if rollout is None else mixed @ rollout
    return rollout[:, 0]


@pytest.fixture
def blocks():
    """Queries and keys of four blocks; large enough that the blocks' order matters."""
    return [tuple(2 * torch.randn(2, 2, 3, 7, 5, dtype=torch.float64)) for _ in range(4)]


@pytest.mark.parametrize('chunk', [1, 2, 3, 7, 8, 256])
def test_rollout_is_the_class_row_of_the_product(blocks, chunk):
    expected = _slow_rollout(blocks)
    rollout = attention_rollout(blocks, chunk=chunk)
    assert rollout.shape == (2, 7)
    assert rollout.dtype == torch.float32
    np.testing.assert_allclose(rollout.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(rollout.sum(dim=1).numpy(), 1, atol=1e-6)
    # The other order, or a block less, is another result.
    assert np.abs(_slow_rollout(blocks[::-1]) - expected).max() > 1e-3
    assert np.abs(_slow_rollout(blocks[1:]) - expected).max() > 1e-3


def test_rollout_of_one_block_is_its_attention_and_the_skip_connection(blocks):
    query, key = blocks[0]
    expected = class_attention(query, key) / 2
    expected[:, 0] += 0.5
    torch.testing.assert_close(attention_rollout(blocks[:1]), expected, check_dtype=False, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('spread', [1, 5])
def test_rollout_in_half_precision(dtype, spread):
    blocks = [tuple((spread * torch.randn(2, 1, 3, 197, 64)).to(dtype)) for _ in range(12)]
    rollout = attention_rollout(blocks, chunk=64)
    assert rollout.dtype == torch.float32
    assert torch.isfinite(rollout).all()
    assert (rollout >= 0).all()
    torch.testing.assert_close(rollout.sum(dim=1), torch.ones(1))
    if spread == 1:
        full = attention_rollout([(query.float(), key.float()) for query, key in blocks])
        torch.testing.assert_close(rollout, full, rtol=0.05, atol=1e-4)


def test_rollout_is_in_full_precision_under_autocast():
    blocks = [tuple(torch.randn(2, 1, 3, 50, 16)) for _ in range(4)]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rollout = attention_rollout(blocks)
    assert torch.equal(rollout, attention_rollout(blocks))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_large_values_do_not_overflow_in_half_precision(dtype):
    query = torch.full((1, 2, 5, 64), 40.0, dtype=dtype)
    torch.testing.assert_close(class_attention(query, query).float(), torch.full((1, 5), 0.2), rtol=1e-2, atol=0)
    torch.testing.assert_close(attention_rollout([(query, query)] * 2).sum(dim=1), torch.ones(1))


def test_rollout_does_not_change_what_it_is_given(blocks):
    before = [(query.clone(), key.clone()) for query, key in blocks]
    attention_rollout(blocks)
    for (query, key), (query_before, key_before) in zip(blocks, before, strict=True):
        assert torch.equal(query, query_before)
        assert torch.equal(key, key_before)


@pytest.mark.parametrize('tokens', [1, 2, 7, 300])
def test_rows_at_a_time_are_the_whole(tokens):
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, tokens, 8, generator=generator, dtype=torch.float64)
    expected, _ = explicit_attention(query, key, value)
    for rows in (1, 3, 128):
        torch.testing.assert_close(rowwise_attention(query, key, value, rows), expected)


@pytest.mark.parametrize('rows', [1, 3, 128])
def test_gradients_by_rows_are_those_of_the_formula(rows):
    inputs = [value.requires_grad_() for value in torch.randn(3, 2, 2, 7, 4, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda *args: rowwise_attention(*args, rows), inputs)
    output = torch.randn(2, 2, 7, 4, dtype=torch.float64)
    ours = torch.autograd.grad((rowwise_attention(*inputs, rows) * output).sum(), inputs)
    expected = torch.autograd.grad((explicit_attention(*inputs)[0] * output).sum(), inputs)
    torch.testing.assert_close(ours, expected)


def test_gradients_by_rows_in_bfloat16_are_as_good_as_those_of_the_fused_kernel():
    """Also where many parts add up, which in half precision would lose what they add."""
    exact = torch.randn(3, 2, 3, 300, 16, dtype=torch.float64)
    output = torch.randn(2, 3, 300, 16, dtype=torch.float64)

    def gradients(attention, dtype):
        inputs = [value.to(dtype).requires_grad_() for value in exact]
        loss = (attention(*inputs) * output.to(dtype)).sum()
        return torch.stack([gradient.double() for gradient in torch.autograd.grad(loss, inputs)])

    expected = gradients(torch.nn.functional.scaled_dot_product_attention, torch.float64)
    fused = gradients(torch.nn.functional.scaled_dot_product_attention, torch.bfloat16)
    by_rows = gradients(lambda *args: rowwise_attention(*args, 8), torch.bfloat16)
    assert (by_rows - expected).norm() < 1.3 * (fused - expected).norm()
