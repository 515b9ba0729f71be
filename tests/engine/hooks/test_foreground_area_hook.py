import logging
from types import SimpleNamespace

import pytest

from mmtscam.registry import HOOKS


def run(caplog, areas, wanted=0.25, **kwargs):
    logger = logging.getLogger('area')
    runner = SimpleNamespace(model=SimpleNamespace(head=SimpleNamespace(area=wanted)), logger=logger, epoch=2)
    hook = HOOKS.build(dict(type='ForegroundAreaHook', **kwargs))
    hook.before_train_epoch(runner)
    for index, area in enumerate(areas):
        hook.after_train_iter(runner, index, outputs=dict(area=area, loss=1.0))
    hook.after_train_epoch(runner)
    return caplog.text


@pytest.mark.parametrize(
    ('areas', 'said'), [([0.3, 0.5], 'objects are larger than it says: set model.head.area higher'),
                        ([0.1, 0.0], 'objects are smaller than it says: set model.head.area lower')]
)  # fmt: skip
def test_a_drifting_area_is_said(caplog, areas, said):
    text = run(caplog, areas)
    assert f'Epoch 3: the foreground filled {sum(areas) / 2:.2f} of an image on average, and' in text
    assert 'model.head.area asks for 0.25' in text
    assert said in text


@pytest.mark.parametrize('areas', [[0.24, 0.3], [0.1, 0.4], []])
def test_an_area_that_is_held_is_not(caplog, areas):
    assert run(caplog, areas) == ''


def test_tolerance(caplog):
    assert run(caplog, [0.4], tolerance=0.2) == ''
    assert run(caplog, [0.28], tolerance=0.02)


def test_heads_without_an_area(caplog):
    assert run(caplog, [0.9], wanted=None) == ''
