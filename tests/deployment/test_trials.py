"""Trials of runtimes, with the model itself in the place of a runtime."""

import os

import numpy as np
import pytest
import torch
from tscam_models import build_model

from mmtscam.deployment import ExportModel
from mmtscam.deployment.runtimes import RUNTIMES, Job, Runtime
from mmtscam.deployment.trials import _try_here as try_here
from mmtscam.deployment.trials import store_batches, try_runtime
from mmtscam.localization import get_protocol

PROTOCOL = get_protocol('tscam')


def quiet(items, title):
    return items


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Try a loader on two images of one size and one of another."""
    model = ExportModel(build_model())
    random = np.random.default_rng(0)
    batches = [
        random.uniform(0, 255, (number, 3, side, 40)).astype(np.float32) for number, side in ((1, 32), (1, 32), (1, 48))
    ]
    files = store_batches(model, batches, tmp_path, len(batches), quiet)
    job = Job('model.onnx', model.output_names, torch.get_num_threads(), str(tmp_path), '.')

    def run(images):
        with torch.no_grad():
            return [output.numpy() for output in model(torch.from_numpy(images))]

    monkeypatch.setitem(RUNTIMES, 'onnxruntime', Runtime('', ('torch',), lambda job: run))

    def trial(load):
        monkeypatch.setitem(RUNTIMES, 'tried', Runtime('', ('torch',), lambda job: load(job, run)))
        return try_here('tried', job, files, PROTOCOL, 2, quiet)

    return trial


def test_a_runtime_that_computes_the_same(trial):
    found = trial(lambda job, run: run)
    assert (found.loads, found.free_sizes, found.equal_boxes, found.boxes, found.remark) == (True, True, 3, 3, '')
    assert found.error < 1e-5
    assert found.time > 0


def test_a_runtime_that_keeps_its_first_size(trial):
    def load(job, run):
        seen = []

        def run_first(images):
            seen.append(images.shape)
            if images.shape != seen[0]:
                raise IndexError('another\n size')
            return run(images)

        return run_first

    found = trial(load)
    assert (found.loads, found.free_sizes, found.equal_boxes, found.boxes) == (True, False, 3, 3)
    assert found.remark == 'another size'


def test_a_runtime_that_needs_the_size(trial):
    def load(job, run):
        if job.shape is None:
            raise LookupError('name the size')
        return run

    found = trial(load)
    assert (found.loads, found.free_sizes, found.equal_boxes, found.remark) == (True, False, 3, 'name the size')


def test_a_runtime_that_computes_something_else(trial):
    def wrong_map(images, run):
        scores, maps, attention = run(images)
        return scores, maps[..., ::-1], attention

    def other_shape(images, run):
        scores, maps, attention = run(images)
        return scores, maps[:, None], attention

    for wrong, least in ((wrong_map, 0.01), (other_shape, np.inf)):
        found = trial(lambda job, run, wrong=wrong: lambda images: wrong(images, run))
        assert found.loads
        assert found.error >= least
        assert found.equal_boxes < found.boxes == 3


def test_a_runtime_that_loads_nothing(trial):
    def load(job, run):
        raise KeyError('Resize')

    found = trial(load)
    assert (found.loads, found.remark) == (False, "'Resize'")


def ends(items, title):
    """Stands for a runtime that takes its process with it."""
    os._exit(3)


def test_a_runtime_that_ends_the_process(tmp_path):
    job = Job('model.onnx', ('scores', 'maps'), 1, str(tmp_path), '.')
    found = try_runtime('onnxruntime', job, [], PROTOCOL, 1, ends)
    assert (found.loads, found.remark) == (False, 'it ends the process')


def test_versions(tmp_path, monkeypatch):
    assert RUNTIMES['OpenCV'].version('.').startswith(('4.', '5.'))
    assert Runtime('', ('no_such_module',), lambda job: None).version('.') is None
    web = RUNTIMES['onnxruntime-web']
    monkeypatch.setattr('shutil.which', lambda name: f'/bin/{name}')
    assert web.version(str(tmp_path)) is None
    package = tmp_path / 'node_modules' / 'onnxruntime-web' / 'package.json'
    package.parent.mkdir(parents=True)
    package.write_text('{"version": "1.2.3"}')
    assert web.version(str(tmp_path)) == '1.2.3'
    monkeypatch.setattr('shutil.which', lambda name: None)
    assert web.version(str(tmp_path)) is None
