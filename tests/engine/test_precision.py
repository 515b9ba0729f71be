import logging

import pytest
import torch

from mmtscam.engine import precision


@pytest.fixture(autouse=True)
def _asked_anew():
    precision.amp_dtype.cache_clear()
    yield
    precision.amp_dtype.cache_clear()


@pytest.mark.parametrize(('seconds', 'warnings'), [(0.5, 0), (1.0, 0), (1.9, 1)])
def test_cpus_compute_in_bfloat16_and_slow_ones_are_named(monkeypatch, seconds, warnings):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(precision, 'product_time', lambda dtype: seconds if dtype == torch.bfloat16 else 1.0)
    messages = []
    monkeypatch.setattr(precision, 'print_log', lambda message, logger, level: messages.append((message, level)))
    assert precision.amp_dtype() == torch.bfloat16
    assert [level for _, level in messages] == [logging.WARNING] * warnings
    assert all('1.9 times as long as in float32' in message for message, _ in messages)


def test_time_of_a_product_grows_with_its_size():
    assert 0 < precision.product_time(torch.float32, size=16) < precision.product_time(torch.float32, size=1024)


@pytest.mark.parametrize(('has_it', 'dtype'), [(True, torch.bfloat16), (False, torch.float16)])
def test_gpus_take_what_they_have(monkeypatch, has_it, dtype):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: has_it and not including_emulation)
    assert precision.amp_dtype() == dtype
