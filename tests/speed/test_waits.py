from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from mmtscam.speed import Way
from mmtscam.speed.inputs import make_batches, our_batch
from mmtscam.speed.ours import build_model
from mmtscam.speed.waits import _busy, _profile, build_profile

CUDA, CPU = torch.autograd.DeviceType.CUDA, torch.autograd.DeviceType.CPU


def test_looks_at_values_are_counted_by_batch(evaluate):
    values = torch.arange(6.0)

    def look():
        for value in values:
            value.item()

    found = _profile(look, evaluate)
    assert found.looks == {'aten::_local_scalar_dense': 3.0}  # two batches
    assert found.busy is None and found.places == {}


@pytest.mark.parametrize('method', ['evaluate', 'evaluate_sat'])
def test_losses_and_gradients_look_at_no_value(request, method):
    """A GPU would stand still at each."""
    setting = request.getfixturevalue(method)
    # With drop path, a CPU skips what is dropped, and has to see what that is.
    setting = replace(setting, cfg_options={'model.backbone.drop_path_rate': 0.0})
    cfg = setting.load()
    model = build_model(cfg, 'cpu').train()
    batch = our_batch(make_batches(setting, cfg)[0])

    def step():
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        model.parse_losses(losses)[0].backward()

    assert _profile(step, setting).looks == {}


def test_evaluation_looks_at_each_image_once(evaluate):
    found = build_profile(evaluate, Way('ours', 'bf16'))()
    assert found.looks['aten::_local_scalar_dense'] <= 4 * evaluate.batch_size


def test_busy_counts_overlapping_work_once():
    def event(device, start, end):
        return SimpleNamespace(device_type=device, time_range=SimpleNamespace(start=start, end=end))

    events = [event(CPU, 0, 100), event(CUDA, 10, 30), event(CUDA, 20, 40), event(CUDA, 25, 28), event(CUDA, 80, 90)]
    assert _busy(SimpleNamespace(events=lambda: events)) == pytest.approx(0.4)
