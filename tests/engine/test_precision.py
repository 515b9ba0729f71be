import logging

import pytest
import torch

from mmtscam.engine import precision

AMX, OLDER = 'flags\t\t: fpu avx512f amx_bf16 amx_tile\n', 'flags\t\t: fpu avx512f avx512_bf16\n'


@pytest.mark.parametrize(('text', 'lacks'), [(AMX, False), (OLDER, True), ('Features : fp asimd bf16\n', False)])
def test_matrix_units_of_a_cpu(tmp_path, text, lacks):
    (tmp_path / 'cpuinfo').write_text('processor : 0\n' + text)
    assert precision._lacks_amx(tmp_path / 'cpuinfo') is lacks


def test_no_list_of_flags(tmp_path):
    assert not precision._lacks_amx(tmp_path / 'none')


@pytest.mark.parametrize('lacks', [False, True])
def test_cpus_compute_in_bfloat16_and_slow_ones_are_named(monkeypatch, caplog, lacks):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(precision, '_lacks_amx', lambda path: lacks)
    messages = []
    monkeypatch.setattr(precision, 'print_log', lambda message, logger, level: messages.append((message, level)))
    assert precision.amp_dtype() == torch.bfloat16
    assert [level for _, level in messages] == [logging.WARNING] * lacks
    assert all('may well be slower' in message for message, _ in messages)


@pytest.mark.parametrize(('has_it', 'dtype'), [(True, torch.bfloat16), (False, torch.float16)])
def test_gpus_take_what_they_have(monkeypatch, has_it, dtype):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: has_it and not including_emulation)
    assert precision.amp_dtype() == dtype
