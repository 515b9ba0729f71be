import json
import sys

import pytest
import torch

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


def test_several_objects_of_a_class(command, tiny_config, tiny_files, checkpoint, sample_set, tmp_path, capsys):
    tiny_config.model.head.threshold = 0.6
    tiny_config.dump(tiny_files[0])
    images = sorted((sample_set / 'images').rglob('*.jpg'))
    words = [tiny_files[0], checkpoint, '--min-area', 0.05, '--pred-formats', 'json', 'csv', 'coco']
    predictions = command(*images, *words, '--no-save-vis', '--topk', 2)
    counts = [each['labels'].count(each['pred_label']) for each in predictions]
    assert max(counts) > 1
    assert {each['min_area'] for each in predictions} == {0.05}
    lines = (tmp_path / 'out' / 'predictions.csv').read_text().splitlines()
    assert len(lines) == 1 + sum(len(each['bboxes']) for each in predictions)
    coco = json.loads((tmp_path / 'out' / 'coco.json').read_text())
    assert [each['category_id'] - 1 for each in coco['annotations']] == [
        label for each in predictions for label in each['labels']
    ]
    assert coco['info']['min_area'] == 0.05

    several = counts.index(max(counts))
    capsys.readouterr()
    (prediction,) = command(images[several], *words)
    printed = [line for line in capsys.readouterr().out.splitlines() if ' at ' in line]
    assert len(printed) == max(counts)
    assert {line.partition(' (')[0] for line in printed} == {prediction['pred_class'].replace('_', ' ')}


def test_a_map_that_shows_nothing_has_no_object(command, tiny_files, checkpoint, sample_set, tmp_path, capsys):
    content = torch.load(checkpoint, weights_only=True)
    for name, weight in content['state_dict'].items():
        if name.startswith('head.'):
            weight.zero_()
    torch.save(content, checkpoint)
    (image, *_) = (sample_set / 'images').rglob('*.jpg')
    words = ['--class', 3, '--min-area', 0.1, '--pred-formats', 'json', 'csv', 'coco']
    (prediction,) = command(image, tiny_files[0], checkpoint, *words)
    assert prediction['bboxes'] == []
    (_, row) = (tmp_path / 'out' / 'predictions.csv').read_text().splitlines()
    assert row.startswith(f'{image},')  # the image is told, without a box
    assert 'No box: nothing in the map is above the threshold\n' in capsys.readouterr().out
    coco = json.loads((tmp_path / 'out' / 'coco.json').read_text())
    assert (len(coco['images']), coco['annotations']) == (1, [])


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
        ([image, config, checkpoint, '--pred-score-thr', 'nan'], 'pred_score_thr must be a number, got nan'),
        ([image, config, checkpoint, '--device', 'meta'], 'device meta: holds no numbers'),
        ([image, config, checkpoint, '--cfg-options', 'model.head=3'], 'model.head=3 would take the place of a part'),
        (['', config, checkpoint], "is empty ('')"),
        ([image, config, checkpoint, '--out-dir', ''], "the argument after --out-dir is empty ('')"),
        ([image, config, checkpoint, '--min-area', '2'], 'min_area must be a share in [0, 1], got 2.0'),
    ):
        with pytest.raises(SystemExit) as caught:
            command(*words)
        assert message in str(caught.value)
        assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_names_of_a_checkpoint_cannot_move_the_cursor(command, tiny_files, checkpoint, sample_set, capsys):
    content = torch.load(checkpoint)
    names = [f'\x1b[2J{name}\r' for name in content['meta']['dataset_meta']['classes']]
    content['meta']['dataset_meta']['classes'] = names
    torch.save(content, tiny_files[1])
    (image, *_) = (sample_set / 'images').rglob('*.jpg')
    (prediction,) = command(image, *tiny_files, '--class', 3, '--no-save-vis')
    assert prediction['classes'] == [names[3]]
    printed = capsys.readouterr().out
    assert not {'\x1b', '\r'} & set(printed)
    assert r'\x1b[2J' in printed
