"""Pseudo labels, as a user makes them."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from pycocotools.coco import COCO

from mmtscam.registry import MODELS

TOOL = 'tools/dataset_converters/pseudo_label.py'
TRUE_BOXES = 'tools/dataset_converters/wsol_to_coco.py'
EVALUATE = 'tools/analysis/evaluate_boxes.py'


@pytest.fixture
def command(tiny_config, tiny_files, sample_set, tmp_path):
    """24 images in parts of two, from a copy of the sample set."""
    shutil.copytree(sample_set, tmp_path / 'set')
    for loader in (tiny_config.train_dataloader, tiny_config.test_dataloader):
        loader.dataset.dataset.data_root = str(tmp_path / 'set')
    tiny_config.dump(tiny_files[0])

    def command(out):
        return ['python', TOOL, *tiny_files, '--out', tmp_path / out, '--part-size', '2', '--batch-size', '2']

    return command


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_gives_the_same_file(serve, command, repo, tmp_path):
    printed = serve(*command('whole.json')).stdout
    assert f'{tmp_path}/whole.json: 24 images, 24 boxes, 0 without a box, 0 skipped\n' in printed

    words = [sys.executable, '-W', 'ignore', *map(str, command('stopped.json')[1:])]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(words, cwd=repo, start_new_session=True, **quiet)
    parts = tmp_path / 'stopped.json.parts'
    while process.poll() is None and not list(parts.glob('*.jsonl')):
        time.sleep(0.001)
    readers = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    process.kill()
    process.wait()
    # Readers end with the process for which they read.
    assert len(readers) >= 2
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in readers if Path(f'/proc/{pid}').exists()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive
    assert 0 < len(list(parts.glob('0*.jsonl'))) < 12
    assert not (tmp_path / 'stopped.json').exists()
    assert 'Going on: ' in serve(*command('stopped.json')).stdout
    assert (tmp_path / 'stopped.json').read_bytes() == (tmp_path / 'whole.json').read_bytes()
    assert not parts.exists()


@pytest.mark.slow
def test_two_processes_give_the_same_file_and_one_goes_on_for_them(serve, command, tmp_path):
    several = ['python', '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node']
    serve(*command('one.json'))
    serve(*several, '2', *command('two.json')[1:], '--launcher', 'pytorch')
    one = (tmp_path / 'one.json').read_bytes()
    assert (tmp_path / 'two.json').read_bytes() == one

    # More processes than parts, of which one is there; the file is that of any other size of parts.
    large = ['--part-size', '20']
    gone = next(tmp_path.glob('set/images/*/*_0003.jpg'))
    gone.rename(gone.with_suffix('.gone'))
    printed = serve(*command('three.json'), *large, code=1).stdout
    assert printed.splitlines()[-1].startswith(f'{gone}: no such file; started again, the run goes on')
    gone.with_suffix('.gone').rename(gone)
    serve(*several, '3', *command('three.json')[1:], *large, '--launcher', 'pytorch')
    assert (tmp_path / 'three.json').read_bytes() == one


def test_processes_that_do_not_know_of_each_other_are_refused(serve, command):
    printed = serve(*command('a.json'), code=2, WORLD_SIZE='2').stdout
    assert printed.splitlines()[-1].endswith('error: started by torchrun: add --launcher pytorch')


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(command, repo):
    words = [sys.executable, '-W', 'ignore', *map(str, command('a.json')[1:])]
    process = subprocess.Popen(words, cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    parts = command('a.json')[5].with_name('a.json.parts')
    while process.poll() is None and not list(parts.glob('*.jsonl')):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 130
    assert 'Stopped; the same command goes on' in printed and 'Traceback' not in printed


@pytest.mark.slow
def test_an_error_ends_all_processes_and_is_told_once(serve, command, tmp_path):
    (tmp_path / 'a.json').write_text('{}')
    several = ['python', '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    printed = serve(*several, *command('a.json')[1:], '--launcher', 'pytorch', code=1).stdout
    # By the first of them, and in the table of torchrun.
    assert re.findall(r'(rank|traceback : rank) \d: .*a\.json: is there already; remove it', printed) == [
        'rank',
        'traceback : rank',
    ]


def test_the_file_tells_what_it_is_from(run_here, command, tiny_files, tmp_path):
    run_here(
        *command('a.json'), '--labels', 'predicted', '--score-thr', '0.01', '--threshold', '0.3', '--min-area', '0.2'
    )
    coco = COCO(tmp_path / 'a.json')
    info = json.loads((tmp_path / 'a.json').read_text())['info']
    assert (info['labels'], info['score_thr'], info['threshold'], info['min_area']) == ('predicted', 0.01, 0.3, 0.2)
    assert (info['protocol']['name'], info['map_kind'], info['precision']) == ('tscam', 'coupled', 'float32')
    assert (info['checkpoint'], info['config_file'], info['data']) == ('tiny.pth', 'tiny.py', 'train')
    assert len(info['checkpoint_sha256']) == 64
    assert 'TSCAMHead' in info['config']
    assert len(coco.getAnnIds()) >= 24
    assert len(coco.getCatIds()) == 8


def test_ids_are_those_of_the_true_boxes(run_here, command, tiny_files, tmp_path):
    run_here(*command('a.json'))
    run_here('python', TRUE_BOXES, tiny_files[0], '--data', 'train', '--out', tmp_path / 'true.json')
    found, true = (
        {image['file_name']: image['id'] for image in COCO(tmp_path / name).imgs.values()}
        for name in ('a.json', 'true.json')
    )
    assert found == true


def test_known_classes_with_a_low_score_can_be_left_out(run_here, command, tmp_path):
    run_here(*command('a.json'))
    scores = sorted(each['score'] for each in COCO(tmp_path / 'a.json').anns.values())
    middle = scores[len(scores) // 2]
    run_here(*command('b.json'), '--score-thr', str(middle))
    left = [each['score'] for each in COCO(tmp_path / 'b.json').anns.values()]
    assert 0 < len(left) < len(scores)
    assert min(left) >= middle - 1e-4


def test_a_folder_of_images(run_here, command, sample_set, tmp_path):
    folder = sample_set / 'images'
    printed = run_here(*command('a.json'), '--data', folder, '--labels', 'predicted').stdout
    assert '40 images' in printed
    assert all((folder / image['file_name']).is_file() for image in COCO(tmp_path / 'a.json').imgs.values())


@pytest.mark.slow
def test_predicted_and_true_boxes_in_a_layout_agree(run_here, command, tiny_files, tmp_path):
    options = ['--layout', 'rfdetr', '--first-category-id', '0']
    found, true = (tmp_path / 'out' / split / '_annotations.coco.json' for split in ('train', 'test'))
    assert f'{found}: 24 images, 24 boxes' in run_here(*command('out'), *options).stdout
    truth = ['python', TRUE_BOXES, tiny_files[0], '--out', tmp_path / 'out', '--data', 'test']
    assert f'{true}: 16 images, 16 boxes' in run_here(*truth, *options).stdout
    assert COCO(found).getCatIds() == COCO(true).getCatIds() == list(range(8))
    assert [len(list(path.parent.rglob('*.jpg'))) for path in (found, true)] == [24, 16]
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['test', 'train']
    # Scores do not depend on the first id and on the layout: the true boxes are in a plain file, counted from 1 on.
    run_here('python', TRUE_BOXES, tiny_files[0], '--data', 'train', '--out', tmp_path / 'true.json')
    run_here(*command('plain.json'))
    in_layout, plain = (
        run_here('python', EVALUATE, boxes, tmp_path / 'true.json').stdout for boxes in (found, tmp_path / 'plain.json')
    )
    assert in_layout == plain and plain.startswith('AP ')
    printed = run_here(*truth, *options, code=1).stdout
    assert printed.splitlines()[-1] == f'{true}: is there already; remove it, or name another folder'


def test_one_class_for_all(run_here, command, tmp_path):
    run_here(*command('a.json'), '--class-agnostic')
    coco = COCO(tmp_path / 'a.json')
    assert coco.loadCats(coco.getCatIds()) == [dict(id=1, name='object')]
    assert {annotation['category_id'] for annotation in coco.anns.values()} == {1}


def test_a_class_whose_images_show_no_object(run_here, command, tmp_path):
    printed = run_here(*command('a.json'), '--no-object', 'crested zebra', '3', code=1).stdout
    assert printed.splitlines()[-1].startswith("class 'crested zebra': not among the 8 classes of the model")
    printed = run_here(*command('a.json'), '--no-object', 'crested zeb', '3').stdout
    assert printed.endswith('a.json: 24 images, 18 boxes, 6 without a box, 0 skipped\n')
    coco = COCO(tmp_path / 'a.json')
    assert {each['category_id'] for each in coco.anns.values()} == {2, 3, 5, 6, 7, 8}
    assert len(coco.imgs) == 24
    assert json.loads((tmp_path / 'a.json').read_text())['info']['no_object'] == [0, 3]


def test_classes_in_another_order_are_refused(run_here, command, tiny_files, tmp_path):
    content = torch.load(tiny_files[1], weights_only=True)
    classes = content['meta']['dataset_meta']['classes']
    content['meta']['dataset_meta']['classes'] = classes[::-1]
    torch.save(content, tiny_files[1])
    for more in ((), ('--labels', 'predicted')):
        printed = run_here(*command('a.json'), *more, code=1).stdout
        assert printed.splitlines()[-1].startswith(f'class 0 is {classes[-1]!r} in {tiny_files[1]} and {classes[0]!r}')
    assert not (tmp_path / 'a.json').exists()


def test_fewer_names_than_classes_are_not_used(run_here, command, tiny_config, tiny_files, tmp_path):
    tiny_config.model.head.num_classes = 10
    tiny_config.dump(tiny_files[0])
    torch.save(dict(state_dict=MODELS.build(tiny_config.model).state_dict()), tiny_files[1])
    run_here(*command('a.json'), '--labels', 'predicted', '--score-thr', '0.01')
    coco = COCO(tmp_path / 'a.json')
    assert [each['name'] for each in coco.cats.values()] == [f'class {label}' for label in range(10)]


def test_a_classifier_draws_no_boxes(run_here, tiny_files, tmp_path):
    cfg = Config.fromfile('configs/classifier_vit-mini_sample.py')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'c.pth')
    out = tmp_path / 'a.json'
    printed = run_here(
        'python', TOOL, 'configs/classifier_vit-mini_sample.py', tmp_path / 'c.pth', '--out', out, code=1
    ).stdout
    assert printed.splitlines()[-1].endswith('BaseLocHead, as the ones of mmtscam are')


@pytest.mark.parametrize(
    ('options', 'said', 'code'),
    [
        (['--labels', 'predicted', '--score-thr', '2'], 'score_thr must be in (0, 1], got 2.0 (--score-thr)', 1),
        (['--map-kind', 'heat'], '(--map-kind)', 1),
        (['--min-area', '1.5'], 'min_area must be a share in [0, 1], got 1.5 (--min-area)', 1),
        (['--data', 'nowhere'], '--data nowhere: neither train, val, test nor a folder', 1),
        (['--part-size', '0'], 'pseudo_label.py: error: --part-size 0: must be at least 1', 2),
        (['--score-thr', '-1'], 'score_thr must be in [0, 1], got -1.0 (--score-thr)', 1),
        (['--layout', 'flat'], "a.json: names a file; layout='flat' wants a folder (--layout)", 1),
    ],
)
def test_mistakes_end_in_one_line(run_here, command, options, said, code):
    printed = run_here(*command('a.json'), *options, code=code).stdout
    assert printed.splitlines()[-1].endswith(said)
    assert 'Traceback' not in printed


def test_a_finished_file_is_kept(run_here, command, tmp_path):
    (tmp_path / 'a.json').write_text('{}')
    printed = run_here(*command('a.json'), code=1).stdout
    assert printed.splitlines()[-1] == f'{tmp_path}/a.json: is there already; remove it, or name another file'
    assert (tmp_path / 'a.json').read_text() == '{}'


def test_true_boxes(run_here, tiny_files, tmp_path):
    tool = 'tools/dataset_converters/wsol_to_coco.py'
    for split, images in (('train', 24), ('test', 16)):
        out = tmp_path / f'{split}.json'
        printed = run_here('python', tool, tiny_files[0], '--data', split, '--out', out).stdout
        assert printed.endswith(f'{out}: {images} images, {images} boxes\n')
        assert len(COCO(out).getAnnIds()) == images
