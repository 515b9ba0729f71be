"""Images through a model, as a user types it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mmtscam.visualization.drawing import PREDICTED_COLOR


@pytest.fixture
def images(sample_set):
    return sorted((sample_set / 'images').rglob('*.jpg'))[:3]


@pytest.mark.slow
def test_one_image(serve, tiny_files, images, tmp_path):
    command = ['python', 'tools/image_demo.py', images[0], *tiny_files, '--out-dir', tmp_path / 'out']
    printed = serve(*command, '--print-result', '--pred-score-thr', '1').stdout
    with Image.open(tmp_path / 'out' / 'vis' / images[0].name) as picture:
        red = np.abs(np.asarray(picture, int) - PREDICTED_COLOR).max(axis=-1) < 40
    assert not red[-25:].any()  # no predicted box in the legend
    (prediction,) = json.loads((tmp_path / 'out' / 'predictions.json').read_text())['predictions']
    assert f"{{'predictions': [{prediction}]}}\n" in printed
    box = ', '.join(f'{edge:.0f}' for edge in prediction['bboxes'][0])
    assert f'{prediction["pred_class"].replace("_", " ")} ({prediction["pred_score"]:.2f}) at {box}\n' in printed
    assert printed.endswith(f'1 image done; see {tmp_path}/out\n')


@pytest.mark.slow
def test_a_folder_shows_progress_and_goes_on_after_a_broken_file(run, tiny_files, images, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for path in images:
        shutil.copy(path, folder)
    (folder / 'text.jpg').write_text('hello')
    command = ['python', '-m', 'mmtscam.apis.infer', folder, *tiny_files, '--out-dir', tmp_path / 'out', '--topk', '1']
    formats = ['--pred-formats', 'csv', 'coco', '--layout', 'flat', '--first-category-id', '0']
    printed = run(*command, *formats, '--batch-size', '2', code=1).stdout
    assert 'Inference' in printed and '100%' in printed
    assert f'Skipped: {folder}/text.jpg: cannot be read as an image: cannot identify image file\n' in printed
    assert printed.endswith(f'3 images done, 1 skipped; see {tmp_path}/out\n')
    assert len((tmp_path / 'out' / 'predictions.csv').read_text().splitlines()) == 1 + 4
    assert len(list((tmp_path / 'out' / 'vis').iterdir())) == 3
    coco = json.loads((tmp_path / 'out' / 'coco' / 'annotations' / 'instances_train.json').read_text())
    copies = tmp_path / 'out' / 'coco' / 'images' / 'train'
    assert sorted(path.name for path in copies.iterdir()) == [image['file_name'] for image in coco['images']]
    assert [category['id'] for category in coco['categories']] == list(range(8))
