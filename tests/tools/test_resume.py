import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

REPO = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_killed_and_resumed_is_the_same_as_uninterrupted(tool_config, tmp_path, serve):
    """With everything random on: drop path, crops and flips in two workers that persist, shuffling."""
    tool_config.model.backbone.drop_path_rate = 0.2
    tool_config.train_cfg.max_epochs = 5
    loader = tool_config.train_dataloader
    loader.update(num_workers=2, persistent_workers=True)
    # Long enough epochs for the kill to come in the middle of one.
    loader.dataset = dict(type='RepeatDataset', times=6, dataset=loader.dataset)
    config = tmp_path / 'tiny.py'
    tool_config.dump(config)

    whole, parted = tmp_path / 'whole', tmp_path / 'parted'
    serve('python', 'tools/train.py', config, '--work-dir', whole)

    log = tmp_path / 'killed.log'
    with log.open('w') as file:
        process = subprocess.Popen(
            [sys.executable, '-u', '-W', 'ignore', 'tools/train.py', str(config), '--work-dir', str(parted)],
            cwd=REPO,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + 300
        while not re.search(r'Epoch\(train\)\s+\[3\]\[10/18\]', log.read_text()) and time.monotonic() < end:
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert (parted / 'epoch_2.pth').is_file()
    assert not (parted / 'epoch_3.pth').exists()

    output = serve('python', 'tools/train.py', config, '--work-dir', parted, '--resume').stdout
    assert 'epoch_2.pth' in output
    assert not re.search(r'Epoch\(train\)\s+\[2\]', output)
    resumed, uninterrupted = (torch.load(folder / 'epoch_5.pth')['state_dict'] for folder in (parted, whole))
    assert resumed.keys() == uninterrupted.keys()
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)
