import json
import sys

import pytest

from mmtscam.apis import infer
from mmtscam.utils.cli import run


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Run the command in this process."""

    def command(*words):
        monkeypatch.setattr(sys, 'argv', ['infer', *map(str, words), '--out-dir', str(tmp_path / 'out')])
        run(infer.main)
        return json.loads((tmp_path / 'out' / 'predictions.json').read_text())['predictions']

    return command


def test_where_is_the(command, tiny_files, sample_set):
    images = sorted((sample_set / 'images').rglob('*.jpg'))[:2]
    for prediction in command(*images, *tiny_files, '--class', '3', 'crested zeb', '--no-save-vis'):
        assert prediction['labels'] == [3, 0]


def test_settings(command, tiny_files, sample_set, tmp_path):
    (image, *_) = (sample_set / 'images').rglob('*.jpg')
    words = ['--topk', 2, '--threshold', 0.3, '--map-kind', 'attention', '--layers', -1]
    (prediction,) = command(image, *tiny_files, *words)
    assert (len(prediction['labels']), prediction['threshold'], prediction['map_kind']) == (2, 0.3, 'attention')
    assert (tmp_path / 'out' / 'vis' / image.name).is_file()


def test_errors_are_one_line(command, tiny_files, sample_set, tmp_path):
    config, checkpoint = tiny_files
    (image, *_) = (sample_set / 'images').rglob('*.jpg')
    for words, message in (
        (['none.jpg', config, checkpoint], 'none.jpg: no such file'),
        ([image, 'none.py', checkpoint], 'none.py: config file not found'),
        ([image, config, 'none.pth'], 'none.pth: checkpoint not found'),
        ([image, config, checkpoint, '--class', 'grebe'], "class 'grebe': not among the 8 classes of the model"),
        ([image, config, checkpoint, '--layers', '9'], 'attn_layers must name blocks from -2 to 1, got [9]'),
        ([image, config, checkpoint, '--batch-size', '0'], 'batch_size must be at least 1, got 0'),
    ):
        with pytest.raises(SystemExit) as caught:
            command(*words)
        assert message in str(caught.value)
        assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()
