"""The checks of data sets, as a user runs them."""

import json
import shutil
from pathlib import Path

import pytest
from layouts import make_ilsvrc, make_image_folders, make_open_images

TOOLS = Path('tools') / 'check_data'


@pytest.mark.parametrize('name', ['cub', 'ilsvrc', 'openimages', 'custom'])
def test_help(run_here, name):
    output = run_here('python', TOOLS / f'{name}.py', '--help').stdout
    assert 'root' in output
    assert ('official source: https://' in ' '.join(output.split())) == (name != 'custom')


def test_cub(run_here, sample_set, tmp_path):
    tool = TOOLS / 'cub.py'
    output = run_here('python', tool, sample_set, code=1).stdout
    assert 'training images: 24 (should be 5,994)' in output
    assert f'{sample_set}: the numbers differ from the published ones (--allow-subset accepts a part)' in output
    assert 'official source: https://www.vision.caltech.edu/datasets/cub_200_2011/' in output
    output = run_here('python', tool, sample_set, '--allow-subset', '--decode').stdout
    assert f'{sample_set}: a part of the data set, fit for use' in output
    assert 'model.head.num_classes=8' in output

    root = shutil.copytree(sample_set, tmp_path / 'CUB')
    shutil.rmtree(root / 'images' / '002.Horned_Ember')
    output = run_here('python', tool, root, '--allow-subset', code=1).stdout
    assert f'problem: 5 listed images are not in {root}/images: 002.Horned_Ember/Horned_Ember_0001.jpg, ' in output
    assert f'{root}: cannot be used as it is; official source: ' in output
    output = run_here('python', tool, tmp_path / 'none', code=1).stdout
    assert output.startswith(f'{tmp_path}/none: folder not found; unpack CUB_200_2011.tgz')
    assert 'Traceback' not in output


def test_ilsvrc(run_here, tmp_path):
    root, tool = make_ilsvrc(tmp_path / 'imagenet'), TOOLS / 'ilsvrc.py'
    output = run_here('python', tool, root, code=1).stdout
    assert 'validation images: 3 (should be 50,000)' in output
    assert 'official source: https://www.image-net.org/' in output
    assert not (root / 'meta').exists()

    output = run_here('python', tool, root, '--allow-subset').stdout
    assert f'Written: {root}/meta/train.txt\nWritten: {root}/meta/val.txt\n' in output
    assert 'model.head.num_classes=3' in output
    assert sorted(path.name for path in (root / 'meta').iterdir()) == ['train.txt', 'val.txt']
    assert (root / 'meta' / 'val.txt').read_text().splitlines()[0] == 'ILSVRC2012_val_00000001.JPEG 2'

    shutil.rmtree(root / 'ILSVRC' / 'Annotations')
    assert "type='ILSVRCCSVBoxes'" in run_here('python', tool, root, '--allow-subset').stdout
    (root / 'LOC_val_solution.csv').write_text('id\n')
    output = run_here('python', tool, root, '--allow-subset', code=1).stdout
    assert output.startswith(f'{root}/LOC_val_solution.csv:1: the header must be ImageId,PredictionString, got id; ')
    assert 'Traceback' not in output


def test_lists_that_cannot_be_written(run_here, tmp_path):
    root = make_ilsvrc(tmp_path / 'imagenet')
    (root / 'meta').write_text('a file where a folder is needed')
    output = run_here('python', TOOLS / 'ilsvrc.py', root, '--allow-subset', code=1).stdout
    assert f'{root}/meta' in output.splitlines()[-1]
    assert 'Traceback' not in output


def test_openimages(run_here, tmp_path):
    root, metadata = tmp_path / 'OpenImages', tmp_path / 'metadata'
    make_open_images(root, metadata)
    command = ('python', TOOLS / 'openimages.py', root, '--metadata', metadata, '--decode')
    assert 'test images: 2 (should be 5,000)' in run_here(*command, code=1).stdout
    assert f'{root}: a part of the data set, fit for use' in run_here(*command, '--allow-subset').stdout
    (root / 'val' / '0a' / 'a_1.png').unlink()
    output = run_here(*command, '--allow-subset', code=1).stdout
    assert f'problem: 1 val masks are not in {root}: val/0a/a_1.png' in output
    assert 'official source: https://github.com/clovaai/wsolevaluation' in output
    (metadata / 'val' / 'image_ids.txt').unlink()
    output = run_here(*command, code=1).stdout
    assert output.startswith(f'{metadata}/val/image_ids.txt: annotation file not found')


def test_custom(run_here, tmp_path):
    root, tool = make_image_folders(tmp_path / 'pets'), TOOLS / 'custom.py'
    output = run_here('python', tool, root).stdout
    assert 'train images: 4\ntest images: 2\nclasses: 2\n' in output
    assert f'{root}: complete' in output
    assert 'tools/train.py configs/sat/sat_deit-s_custom.py --cfg-options' in output
    assert 'model.head.num_classes=2' in output
    assert f'test_dataloader.dataset.dataset.data_root={root}' in output
    estimate = 'python tools/analysis/estimate_area.py configs/sat/sat_deit-s_custom.py --cfg-options '
    assert f'\nAREA: {estimate}train_dataloader.dataset.dataset.data_root={root}\n' in output

    boxes = root / 'annotations' / 'test.json'
    output = run_here('python', tool, root, '--boxes', boxes).stdout
    assert 'tools/train.py configs/sat/sat_deit-s_custom_boxes.py --cfg-options' in output
    assert 'ann_file' not in output
    moved = boxes.rename(root / 'boxes.json')
    output = run_here('python', tool, root, '--boxes', moved).stdout
    assert 'val_dataloader.dataset.boxes.ann_file=boxes.json' in output

    data = json.loads(moved.read_text())
    moved.write_text(json.dumps({**data, 'annotations': data['annotations'][:1]}))
    (root / 'train' / 'cat' / '1.jpg').write_text('no image')
    output = run_here('python', tool, root, '--boxes', moved, code=1).stdout
    assert 'problem: 1 images cannot be read: train/cat/1.jpg (cannot identify image file)' in output
    assert f'note: 1 test images show no object, for {moved} lists them without a box: test/cat/3.jpg; ' in output
    assert f'test images with a box in {moved}: 1\n' in output
    assert output.endswith(f'{root}: cannot be used as it is\n')
    for split in ('train', 'test'):
        shutil.rmtree(root / split)
        (root / split).mkdir()
    output = run_here('python', tool, root, code=1).stdout
    assert 'classes: 0\nproblem: train has no folder of a class: ' in output
    assert output.endswith(f'{root}: cannot be used as it is\n')


@pytest.mark.slow
def test_the_command_that_is_printed_suits_the_usual_folder(run, tmp_path, repo):
    make_image_folders(tmp_path / 'data' / 'images')
    output = run('python', repo / TOOLS / 'custom.py', 'data/images', cwd=tmp_path).stdout
    assert output.endswith(
        'AREA: python tools/analysis/estimate_area.py configs/sat/sat_deit-s_custom.py\n'
        'Train: python tools/train.py configs/sat/sat_deit-s_custom.py --cfg-options \\\n'
        '    model.head.num_classes=2 \\\n    model.head.area=AREA\n'
    )
