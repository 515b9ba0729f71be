import pytest

from mmtscam.evaluation.origins import other_checkpoints, other_views

OLD = dict(checkpoint='old.pth', checkpoint_sha256='1' * 64)
VIEWS = dict(sizes=[[224, 224]], zoom=True)


def test_other_checkpoints():
    new = dict(checkpoint='new.pth', checkpoint_sha256='2' * 64)
    assert other_checkpoints(OLD, new) == (f"'old.pth', SHA-256 '{'1' * 12}'", f"'new.pth', SHA-256 '{'2' * 12}'")


@pytest.mark.parametrize('other', [{}, dict(OLD, checkpoint='copy.pth'), dict(OLD, checkpoint_sha256=None)])
def test_the_same_checkpoint_or_one_that_is_not_known(other):
    assert other_checkpoints(OLD, other) is None
    assert other_checkpoints(other, OLD) is None


def test_other_views():
    assert other_views(dict(views=None), dict(views=VIEWS)) == ('one view', 'sizes [[224, 224]], zoom True')
    assert other_views({}, dict(views=3)) == ('one view', '3')
    assert other_views(dict(views=VIEWS), dict(views=dict(VIEWS))) is None
    assert other_views({}, dict(views=None)) is None
