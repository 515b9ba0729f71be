from dataclasses import replace

import pytest
import torch
from mmengine.evaluator import Evaluator

from mmtscam.evaluation import LocAccuracy
from mmtscam.speed import Way, baseline, ours
from mmtscam.speed.inputs import make_batches, our_batch
from mmtscam.speed.ours import build_model, evaluate_batches
from mmtscam.utils.choices import PRECISIONS


def test_weights_are_the_same_each_time(evaluate):
    first, second = (build_model(evaluate.load(), 'cpu') for _ in range(2))
    assert not first.training
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_our_loop_counts_what_the_baseline_counts(evaluate):
    setting = replace(evaluate, batch_size=8, batches=3)
    metrics = ours.evaluation(setting, setting.load(), Way('ours'))()
    right = baseline.evaluation(setting, setting.load(), Way('baseline'))()
    assert {name: round(metrics[f'tscam/{name}'] * 24 / 100) for name in right} == right
    assert 0 < right['gt_known'] < 24


@pytest.mark.slow
def test_batches_are_evaluated_each_time_anew(evaluate):
    cfg = evaluate.load()
    model, evaluator = build_model(cfg, 'cpu'), Evaluator([LocAccuracy()])
    batches = [our_batch(batch) for batch in make_batches(evaluate, cfg)]
    first = evaluate_batches(model, evaluator, batches)
    assert evaluate_batches(model, evaluator, batches) == first
    assert evaluate_batches(model, evaluator, batches, 'bf16').keys() == first.keys()


@pytest.mark.parametrize('precision', PRECISIONS)
@pytest.mark.parametrize('workload', ['prediction', 'training', 'evaluation'])
def test_the_model_computes_in_the_precision(evaluate, monkeypatch, workload, precision):
    seen, build = set(), ours.build_model

    def watched(*args):
        model = build(*args)
        model.backbone.layers[0].attn.qkv.register_forward_hook(
            lambda module, inputs, output: seen.add((output.dtype, module.training, torch.is_grad_enabled()))
        )
        return model

    monkeypatch.setattr(ours, 'build_model', watched)
    task = getattr(ours, workload)(evaluate, evaluate.load(), Way('ours', precision))
    assert not seen
    task()
    trains = workload == 'training'
    assert seen == {(dict(fp32=torch.float32, bf16=torch.bfloat16)[precision], trains, trains)}


def test_training_trains_all_weights(evaluate, monkeypatch):
    built, build = [], ours.build_model
    monkeypatch.setattr(ours, 'build_model', lambda *args: built.append(build(*args)) or built[0])
    train = ours.training(evaluate, evaluate.load(), Way('ours'))
    before = {name: value.clone() for name, value in built[0].named_parameters()}
    train()
    assert not any(torch.equal(value, before[name]) for name, value in built[0].named_parameters())
