"""The checkpoint that a training resumes, whatever has become of the note of its name."""

import io
import logging
import os

import pytest
import torch
from mmengine.logging import MMLogger

from mmtscam.engine.latest_checkpoint import latest_checkpoint


@pytest.fixture
def work(tmp_path):
    """Two epochs, of which the last is noted, and the best, which cannot be resumed."""
    folder = tmp_path / 'work'
    folder.mkdir()
    for age, name in enumerate(('best_loc_top1_epoch_2.pth', 'epoch_3.pth', 'epoch_2.pth')):
        torch.save({'state_dict': torch.arange(100.0)}, folder / name)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_3.pth'))
    return folder


@pytest.fixture
def said(tmp_path):
    """Return what the log says from here on: the newest logger is the current one."""
    lines, name = io.StringIO(), str(tmp_path)
    MMLogger.get_instance(name, log_level='WARNING').addHandler(logging.StreamHandler(lines))
    yield lines.getvalue
    MMLogger._instance_dict.pop(name)


def flip(path):
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(100.0).numpy().tobytes()) + 7] ^= 1
    path.write_bytes(content)


def test_the_noted_one(work, said):
    assert latest_checkpoint(work) == str(work / 'epoch_3.pth')
    (work / 'last_checkpoint').unlink()
    assert latest_checkpoint(work) is None
    assert said() == ''


@pytest.mark.parametrize(
    ('note', 'reason'),
    [
        ('', 'last_checkpoint is empty'),
        ('\0\0\0', 'last_checkpoint is empty'),
        ('/gone/epoch_3.pth', 'last_checkpoint names /gone/epoch_3.pth, which is not there'),
        ('/gone/epoch_9.pth', 'last_checkpoint names /gone/epoch_9.pth, which is not there'),
    ],
)
def test_a_note_that_is_torn_or_of_another_place(work, said, note, reason):
    (work / 'last_checkpoint').write_text(note)
    assert latest_checkpoint(work) == str(work / 'epoch_3.pth')
    assert f'{reason}: {work}/epoch_3.pth is resumed' in said()


@pytest.mark.parametrize('damage', [flip, lambda path: path.write_bytes(path.read_bytes()[:500])])
def test_the_one_before_a_damaged_one(work, said, damage):
    damage(work / 'epoch_3.pth')
    assert latest_checkpoint(work) == str(work / 'epoch_2.pth')
    printed = said()
    assert f'names epoch_3.pth, which is damaged: {work}/epoch_2.pth is resumed' in printed
    assert f'{work}/epoch_3.pth: it is ' in printed


def test_none_that_is_whole(work):
    for number in (2, 3):
        flip(work / f'epoch_{number}.pth')
    with pytest.raises(
        ValueError, match=r'names epoch_3\.pth, which is damaged, and no other .* remove last_checkpoint'
    ):
        latest_checkpoint(work)
