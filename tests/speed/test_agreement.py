from dataclasses import replace

import pytest
import torch

from mmtscam.speed import agreement
from mmtscam.speed.agreement import TOLERANCE, check_agreement
from mmtscam.speed.baseline import unfrozen
from mmtscam.speed.plain import PlainSAT, PlainTSCAM


@pytest.mark.parametrize('classes', [3, 8])
def test_logits_and_maps_agree(evaluate, classes):
    found = check_agreement(replace(evaluate, classes=classes))
    assert set(found) == {'logits', 'maps'}
    assert all(0 <= difference <= TOLERANCE for difference in found.values())


def test_training_agrees_with_paths_dropped(evaluate):
    found = check_agreement(replace(evaluate, workload='train', batch_size=8))
    assert set(found) == {'loss', 'gradient'}
    assert all(0 <= difference <= 10 * TOLERANCE for difference in found.values())


@pytest.mark.parametrize(('workload', 'names'), [('evaluate', {'logits', 'maps'}), ('train', {'loss', 'gradient'})])
def test_sat_agrees(evaluate_sat, workload, names):
    found = check_agreement(replace(evaluate_sat, workload=workload))
    assert set(found) == names
    assert all(0 <= difference <= 10 * TOLERANCE for difference in found.values())


@pytest.mark.parametrize(
    ('workload', 'name', 'change'),
    [
        ('predict', 'maps', lambda plain: setattr(plain, '__class__', _OtherForeground)),
        ('predict', 'logits', lambda plain: plain.blocks[1].attn['qkv'].bias[:32].add_(0.1)),
        ('train', 'loss', lambda plain: setattr(plain, 'area', plain.area + 1e-3)),
        ('train', 'loss', lambda plain: plain.weight.mul_(0.99)),
    ],
)
def test_a_difference_in_sat_is_noticed(evaluate_sat, alter, workload, name, change):
    alter(change)
    with pytest.raises(ValueError, match=f'^{name} of the baseline and of ours differ'):
        check_agreement(replace(evaluate_sat, workload=workload))


def test_trilite_with_a_graph_agrees(train_trilite):
    found = check_agreement(train_trilite)
    assert set(found) == {'loss', 'gradient'}
    assert all(0 <= difference <= 10 * TOLERANCE for difference in found.values())


def test_a_difference_in_trilite_is_noticed(train_trilite, monkeypatch):
    def other(cfg):
        cfg.model.head.background_weight = 4.1  # half of eight classes is 4
        return unfrozen(cfg)

    monkeypatch.setattr(agreement, 'unfrozen', other)
    with pytest.raises(ValueError, match=r'^loss of the baseline and of ours differ'):
        check_agreement(train_trilite)


@pytest.fixture
def alter(monkeypatch):
    """Have the baseline altered once it is built."""
    build = agreement.build_plain

    def alter(change):
        def altered(cfg, device):
            plain = build(cfg, device)
            with torch.no_grad():
                change(plain)
            return plain

        monkeypatch.setattr(agreement, 'build_plain', altered)

    return alter


class _OtherMaps(PlainTSCAM):
    def forward(self, images):
        logits, maps = super().forward(images)
        return logits, maps * 1.0001


class _OtherForeground(PlainSAT):
    def forward(self, images):
        logits, maps = super().forward(images)
        return logits, maps * 1.0001


class _OtherGradient(PlainTSCAM):
    def forward(self, images):
        logits, maps = super().forward(images)
        return logits / 4 + logits.detach() * 3 / 4, maps


@pytest.mark.parametrize(
    ('workload', 'name', 'change'),
    [
        ('evaluate', 'logits', lambda plain: plain.head.bias.add_(1e-3)),
        ('predict', 'logits', lambda plain: plain.pos_embed[0, 7].mul_(1.1)),
        ('predict', 'maps', lambda plain: setattr(plain, '__class__', _OtherMaps)),
        ('train', 'loss', lambda plain: plain.blocks[1].norm2.weight.mul_(1.01)),
        ('train', 'loss', lambda plain: setattr(plain.blocks[1], 'drop_path', 0)),
        ('train', 'gradient', lambda plain: setattr(plain, '__class__', _OtherGradient)),
    ],
)
def test_a_difference_is_noticed(evaluate, alter, workload, name, change):
    alter(change)
    message = f'^{name} of the baseline and of ours differ by [0-9].[0-9]e-0[1-5] of the largest value in fp32$'
    with pytest.raises(ValueError, match=message):
        check_agreement(replace(evaluate, workload=workload))


def test_what_is_no_number_is_noticed(evaluate, alter):
    alter(lambda plain: plain.head.bias.fill_(float('nan')))
    with pytest.raises(ValueError, match=r'^logits of the baseline and of ours differ by nan'):
        check_agreement(evaluate)


def test_dropout_that_the_baseline_has_not_is_noticed(evaluate):
    options = {'model.backbone.drop_rate': 0.5}
    assert check_agreement(replace(evaluate, cfg_options=options))
    with pytest.raises(ValueError, match=r'^loss of the baseline'):
        check_agreement(replace(evaluate, workload='train', cfg_options=options))


def test_other_boxes_are_noticed(evaluate, monkeypatch):
    monkeypatch.setattr(agreement, 'threshold_of', lambda cfg: 0.5)
    with pytest.raises(ValueError, match=r'^the boxes of the baseline differ from ours$'):
        check_agreement(evaluate)


def test_other_counts_are_noticed(evaluate, monkeypatch):
    score = agreement.plain_score

    def miscount(*args):
        boxes, right = score(*args)
        return boxes, right + right

    monkeypatch.setattr(agreement, 'plain_score', miscount)
    with pytest.raises(ValueError, match=r"^the baseline counts {.*'gt_known': .*}, ours {.*}$"):
        check_agreement(replace(evaluate, batch_size=8))


@pytest.mark.parametrize('allowed', [True, False])
def test_tensorfloat_is_off_meanwhile(evaluate, alter, monkeypatch, allowed):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', allowed)
    seen = []

    def look_and_fail(plain):
        seen.append(torch.backends.cudnn.allow_tf32)
        raise RuntimeError

    alter(look_and_fail)
    with pytest.raises(RuntimeError):
        check_agreement(evaluate)
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 is allowed
