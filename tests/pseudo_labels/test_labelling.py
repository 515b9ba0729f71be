import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmtscam.apis import LocInferencer
from mmtscam.apis.loading import load_model
from mmtscam.apis.pipelines import image_pipeline
from mmtscam.datasets.coco import COCOOutput
from mmtscam.localization import get_protocol, map_to_instances
from mmtscam.pseudo_labels import DatasetRows, ImageRow, LabelSettings, PartFolder, label_parts


@pytest.fixture
def rows(tiny_config):
    return list(DatasetRows(tiny_config, 'train'))[:7]


@pytest.fixture
def label(tiny_config, checkpoint, tmp_path):
    """Label rows; returns the records."""

    def label(rows, settings=None, part_size=4, batch_size=3, min_area=None, **kwargs):
        folder = PartFolder(COCOOutput(tmp_path / f'{len(list(tmp_path.iterdir()))}.json'), {}, len(rows), part_size)
        model = load_model(tiny_config, checkpoint)
        label_parts(
            model, image_pipeline(tiny_config), rows, folder, folder.missing(), settings or LabelSettings(),
            model.head.settings_with(min_area=min_area), batch_size=batch_size, **{'num_workers': 0, **kwargs},
        )  # fmt: skip
        return [
            json.loads(line)
            for part in range(folder.num_parts)
            for line in (folder.folder / f'{part:06d}.jsonl').read_text().splitlines()[:-1]
        ]

    return label


@pytest.fixture
def inferencer(tiny_config, checkpoint):
    return LocInferencer(tiny_config, checkpoint, device='cpu', show_progress=False)


def test_known_classes_get_the_boxes_that_the_inferencer_gives_them(rows, label, inferencer):
    records = label(rows)
    assert [record['name'] for record in records] == [row.name for row in rows]
    for row, record in zip(rows, records, strict=True):
        (expected,) = inferencer([row.path], classes=row.label)['predictions']
        assert (record['width'], record['height']) == (expected['width'], expected['height'])
        ((found, score, *box),) = record['boxes']
        assert found == row.label
        assert score == pytest.approx(expected['scores'][0], abs=1e-4)
        np.testing.assert_allclose(box, expected['bboxes'][0], atol=2)


def test_predicted_classes_are_those_above_the_score(rows, label, inferencer):
    unknown = [row._replace(label=None) for row in rows]
    records = label(unknown, LabelSettings('predicted', score_thr=0.15))
    for row, record in zip(rows, records, strict=True):
        (expected,) = inferencer([row.path], topk=8)['predictions']
        wanted = [label for label, score in zip(expected['labels'], expected['scores'], strict=True) if score >= 0.15]
        assert [box[0] for box in record['boxes']] == wanted
    counts = {len(record['boxes']) for record in records}
    assert len(counts) > 1  # else the threshold would not have been put to the test
    assert all(not record['boxes'] for record in label(unknown, LabelSettings('predicted', score_thr=1.0)))


def test_several_instances_are_those_of_the_map(tiny_config, rows, label, inferencer):
    tiny_config.model.head.threshold = 0.6
    records = label(rows, min_area=0.05)
    assert max(len(record['boxes']) for record in records) > 1
    for row, record in zip(rows, records, strict=True):
        (sample,) = inferencer([row.path], classes=row.label, return_datasamples=True)['predictions']
        boxes = map_to_instances(sample.class_maps.maps[0].numpy(), get_protocol('tscam', threshold=0.6), 0.05)
        scale = np.tile(np.array(sample.ori_shape[1::-1]) / 224, 2)
        np.testing.assert_allclose([box[2:] for box in record['boxes']], boxes * scale, atol=2)


def test_one_class_for_all(rows, label):
    assert {box[0] for record in label(rows, LabelSettings(class_agnostic=True)) for box in record['boxes']} == {0}


def test_one_image_that_cannot_be_read_is_told_and_the_others_are_done(rows, label, tmp_path):
    broken = tmp_path / 'broken.jpg'
    broken.write_text('hello')
    records = label([rows[0], ImageRow(str(broken), 'broken.jpg', 0, 9), *rows[1:]])
    assert records[1]['name'] == 'broken.jpg'
    assert records[1]['error'].startswith(f'{broken}: cannot be read as an image')
    good = [record for record in records if 'error' not in record]
    expected = label(rows)
    assert [record['name'] for record in good] == [record['name'] for record in expected]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_an_image_that_is_gone_ends_the_run_and_keeps_the_parts_before_it(rows, label, tmp_path, num_workers):
    gone = ImageRow(str(tmp_path / 'gone.jpg'), 'gone.jpg', 0, 0)
    with pytest.raises(OSError, match=r'gone\.jpg: no such file; started again, the run goes on') as raised:
        label([*rows[:5], gone], num_workers=num_workers)
    assert 'Traceback' not in str(raised.value)
    assert [path.name for path in tmp_path.rglob('*.jsonl')] == ['000000.jsonl']


def test_boxes_have_an_extent(tiny_config, rows, label):
    """``wsol-v1`` clamps a contour in the last column to no width."""
    tiny_config.model.head.update(protocol='wsol-v1', threshold=0.98)
    for record in label(rows, min_area=0.0):
        for _, _, x1, y1, x2, y2 in record['boxes']:
            assert x1 < x2 <= record['width'] and y1 < y2 <= record['height']


def test_photographs_lie_as_mmdet_reads_them(rows, label, tmp_path):
    image = Image.open(rows[0].path)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    image.resize((120, 60)).save(tmp_path / 'turned.jpg', exif=exif)
    (record,) = label([ImageRow(str(tmp_path / 'turned.jpg'), 'turned.jpg', 0, 0)])
    assert (record['width'], record['height']) == (60, 120)


def test_processes_that_read_change_nothing(rows, label):
    assert label(rows, num_workers=2) == label(rows)


def test_progress_counts_every_image(rows, label):
    done = []
    label(rows, advance=done.append)
    assert done == [3, 1, 3]


def test_maps_that_say_nothing_give_no_box(rows, label, checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    for name, weight in content['state_dict'].items():
        if name.startswith('head.'):
            weight.zero_()
    torch.save(content, checkpoint)
    assert [record['boxes'] for record in label(rows)] == [[]] * len(rows)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(labels='all'), r"labels must be one of .* got 'all'"),
        (dict(labels='predicted', score_thr=0), r'score_thr must be in \(0, 1\], got 0'),
        (dict(score_thr=-0.1), r'score_thr must be in \[0, 1\], got -0.1'),
    ],
)
def test_settings_out_of_range(settings, said):
    with pytest.raises(ValueError, match=said):
        LabelSettings(**settings)
