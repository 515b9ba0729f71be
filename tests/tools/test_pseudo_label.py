"""Pseudo labels, as a user makes them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from pycocotools.coco import COCO

TOOL = 'tools/dataset_converters/pseudo_label.py'


@pytest.fixture
def command(tiny_files, tmp_path):
    """24 images in parts of 5."""

    def command(out):
        return ['python', TOOL, *tiny_files, '--out', tmp_path / out, '--part-size', '5', '--batch-size', '2']

    return command


def test_a_stopped_run_goes_on_and_gives_the_same_file(run, command, repo, tmp_path):
    printed = run(*command('whole.json')).stdout
    assert f'{tmp_path}/whole.json: 24 images, 24 boxes, 0 without a box, 0 skipped\n' in printed

    words = [sys.executable, '-W', 'ignore', *map(str, command('stopped.json')[1:])]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(words, cwd=repo, start_new_session=True, **quiet)
    parts = tmp_path / 'stopped.json.parts'
    while process.poll() is None and not list(parts.glob('*.jsonl')):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(list(parts.glob('0*.jsonl'))) < 5
    assert not (tmp_path / 'stopped.json').exists()
    run(*command('stopped.json'))
    assert (tmp_path / 'stopped.json').read_bytes() == (tmp_path / 'whole.json').read_bytes()
    assert not parts.exists()


def test_two_processes_give_the_same_file(run, command, tmp_path):
    run(*command('one.json'), OMP_NUM_THREADS='1')
    run(
        'python', '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29631', *command('two.json')[1:],
        '--launcher', 'pytorch', OMP_NUM_THREADS='1',
    )  # fmt: skip
    assert (tmp_path / 'two.json').read_bytes() == (tmp_path / 'one.json').read_bytes()


def test_the_file_tells_what_it_is_from(run, command, tiny_files, tmp_path):
    run(*command('a.json'), '--labels', 'predicted', '--score-thr', '0.01', '--threshold', '0.3', '--min-area', '0.2')
    coco = COCO(tmp_path / 'a.json')
    info = json.loads((tmp_path / 'a.json').read_text())['info']
    assert (info['labels'], info['score_thr'], info['threshold'], info['min_area']) == ('predicted', 0.01, 0.3, 0.2)
    assert (info['protocol']['name'], info['map_mode'], info['precision']) == ('tscam', 'coupled', 'float32')
    assert (info['checkpoint'], info['config_file'], info['data']) == ('tiny.pth', 'tiny.py', 'train')
    assert len(info['checkpoint_sha256']) == 64
    assert 'TSCAMHead' in info['config']
    assert len(coco.getAnnIds()) >= 24
    assert len(coco.getCatIds()) == 8


def test_a_folder_of_images(run, command, sample_set, tmp_path):
    folder = sample_set / 'images'
    printed = run(*command('a.json'), '--data', folder, '--labels', 'predicted').stdout
    assert '40 images' in printed
    assert all((folder / image['file_name']).is_file() for image in COCO(tmp_path / 'a.json').imgs.values())


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--score-thr', '2'], 'score_thr must be in (0, 1], got 2.0'),
        (['--part-size', '0'], '--part-size must be at least 1, got 0'),
        (['--data', 'nowhere'], 'nowhere: no such folder'),
    ],
)
def test_mistakes_end_in_one_line(run, command, options, said):
    printed = run(*command('a.json'), *options, code=1).stdout
    assert printed.splitlines()[-1] == said
    assert 'Traceback' not in printed


def test_a_finished_file_is_kept(run, command, tmp_path):
    (tmp_path / 'a.json').write_text('{}')
    printed = run(*command('a.json'), code=1).stdout
    assert printed.splitlines()[-1] == f'{tmp_path}/a.json: is there already; remove it, or name another file'
    assert (tmp_path / 'a.json').read_text() == '{}'


def test_true_boxes(run, tiny_files, tmp_path):
    tool = 'tools/dataset_converters/wsol_to_coco.py'
    for split, images in (('train', 24), ('test', 16)):
        out = tmp_path / f'{split}.json'
        printed = run('python', tool, tiny_files[0], '--data', split, '--out', out).stdout
        assert printed.endswith(f'{out}: {images} images, {images} boxes\n')
        assert len(COCO(out).getAnnIds()) == images
