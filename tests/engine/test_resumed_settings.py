"""A resumed run says which settings of its optimizer are not the config's."""

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, CosineAnnealingMomentum, LinearLR, OptimWrapper, OptimWrapperDict
from torch import nn

from mmtscam.engine.resumed_settings import check_resumable, kept_settings, settings_of

RATE = dict(lr=0.1, weight_decay=0.01)


def _made(kind=torch.optim.AdamW, warmed_up=True, **settings):
    """Schedules and wrapper of two groups of parameters, one of ten times the rate."""
    settings = {**RATE, **settings}
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    groups = [dict(params=[*first.parameters()]), dict(params=[*second.parameters()], lr=10 * settings['lr'])]
    optimizer = kind(groups, **settings)
    return [LinearLR(optimizer, start_factor=0.1, end=5)] if warmed_up else [], OptimWrapper(optimizer)


def _said(before, after, steps=3):
    """The messages of a run that is made as ``after`` and resumes one made as ``before``."""
    for _ in range(steps):
        before[1].optimizer.step()
        for scheduler in before[0]:
            scheduler.step()
    asked = settings_of(*after)
    after[1].load_state_dict(before[1].state_dict())
    return list(kept_settings(asked, settings_of(*after)))


@pytest.mark.parametrize('kind', [torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize('warmed_up', [True, False])
def test_the_same_optimizer_goes_on_without_a_word(kind, warmed_up):
    assert not _said(_made(kind, warmed_up), _made(kind, warmed_up))


@pytest.mark.parametrize('warmed_up', [True, False])
@pytest.mark.parametrize(
    ('kind', 'changes', 'said'),
    [
        (torch.optim.AdamW, dict(lr=0.2), 'lr 0.1, not 0.2 (parameter group 1 of 2)'),
        (torch.optim.AdamW, dict(weight_decay=0.5), 'weight_decay 0.01, not 0.5 (parameter group 1 of 2)'),
        (torch.optim.AdamW, dict(betas=(0.8, 0.9)), 'betas (0.9, 0.999), not (0.8, 0.9) (parameter group 1 of 2)'),
        (torch.optim.AdamW, dict(eps=1e-4), 'eps 1e-08, not 0.0001 (parameter group 1 of 2)'),
        (torch.optim.SGD, dict(momentum=0.9), 'momentum 0, not 0.9 (parameter group 1 of 2)'),
    ],
)
def test_each_setting_that_stays_is_named(kind, changes, said, warmed_up):
    (message,) = _said(_made(kind, warmed_up), _made(kind, warmed_up, **changes))
    assert message == (
        f"optim_wrapper: the checkpoint's settings stay, and not the config's: {said}: to train on with other ones, "
        'start from the weights alone (load_from without --resume)'
    )


def test_several_settings_are_one_message():
    (message,) = _said(_made(), _made(lr=0.2, eps=1e-4))
    assert 'lr 0.1, not 0.2 (parameter group 1 of 2); eps 1e-08, not 0.0001 (parameter group 1 of 2)' in message


def test_a_multiplier_that_changes():
    after = _made(warmed_up=False)
    after[1].param_groups[1]['lr'] = 0.5
    (message,) = _said(_made(warmed_up=False), after)
    assert 'lr 1.0, not 0.5 (parameter group 2 of 2)' in message


def test_without_a_schedule_the_rate_of_the_moment_stays():
    (message,) = _said(_made(), _made(warmed_up=False), steps=0)
    assert 'lr 0.01' in message and 'not 0.1 (parameter group 1 of 2)' in message


@pytest.mark.parametrize(('betas', 'said'), [((0.9, 0.999), False), ((0.9, 0.99), True), ((0.8, 0.999), True)])
def test_a_schedule_that_moves_the_momentum(betas, said):
    def made(betas):
        optimizer = torch.optim.AdamW(nn.Linear(2, 2).parameters(), lr=0.1, betas=betas)
        return [CosineAnnealingMomentum(optimizer, T_max=4)], OptimWrapper(optimizer)

    assert bool(_said(made((0.9, 0.999)), made(betas))) == said


def test_each_of_several_optimizers():
    def made(rate):
        parts = {name: torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=rate) for name in ('backbone', 'head')}
        parts['head'].param_groups[0]['lr'] = 0.3
        return {}, OptimWrapperDict(**{name: OptimWrapper(part) for name, part in parts.items()})

    before, after = made(0.1), made(0.2)
    asked = settings_of(*after)
    after[1].load_state_dict(before[1].state_dict())
    (message,) = kept_settings(asked, settings_of(*after))
    assert message.startswith("optim_wrapper.backbone: the checkpoint's settings stay, and not the config's: lr 0.1, ")


def test_nothing_is_known_of_what_is_not_built():
    assert settings_of(dict(type='LinearLR'), dict(optimizer=dict(type='SGD', lr=0.1))) == ([], {})


def _refusal(before, after, file='run.pth'):
    checkpoint = dict(optimizer=before[1].state_dict(), param_schedulers=[each.state_dict() for each in before[0]])
    try:
        check_resumable(checkpoint, settings_of(*after), file)
    except ValueError as error:
        return str(error)
    return None


def test_the_same_kinds_resume():
    assert _refusal(_made(), _made(lr=0.3)) is None
    assert _refusal(_made(warmed_up=False), _made(warmed_up=False, kind=torch.optim.Adam)) is None


def test_schedules_of_another_kind_or_number():
    made, other = _made(), _made(warmed_up=False)
    cosine = CosineAnnealingLR(other[1].optimizer, T_max=4)
    assert _refusal(made, ([cosine], other[1])) == (
        'run.pth: its training follows a schedule of end_factor, start_factor, total_iters, and the config has '
        'other schedules, CosineAnnealingLR: give the config the same param_scheduler, or start from the weights alone '
        '(load_from without --resume)'
    )
    assert 'follows no schedule, and the config has other schedules, LinearLR:' in _refusal(other, made)
    assert 'has other schedules, none:' in _refusal(made, other)
    assert 'has other schedules, LinearLR, CosineAnnealingLR:' in _refusal(made, ([*made[0], cosine], made[1]))


def test_optimizers_of_another_kind_or_number_of_groups():
    sgd = _refusal(_made(), _made(kind=torch.optim.SGD))
    assert sgd == (
        "run.pth: its optimizer has 2 groups of parameters with betas, eps, lr, weight_decay, and that of the config's "
        'optim_wrapper 2 with lr, momentum, weight_decay: give the config the same optim_wrapper, or start from the '
        'weights alone (load_from without --resume)'
    )
    one = OptimWrapper(torch.optim.AdamW(nn.Linear(2, 2).parameters(), **RATE))
    assert "its optimizer has 2 groups of parameters with betas, eps, lr, weight_decay, and that of the config's" in (
        _refusal(_made(warmed_up=False), ([], one))
    )
    both = OptimWrapperDict(first=one, second=_made()[1])
    swapped = OptimWrapperDict(first=_made()[1], second=one)
    assert _refusal(([], both), ([], both)) is None
    assert "config's optim_wrapper.first 2 with" in _refusal(([], both), ([], swapped))
