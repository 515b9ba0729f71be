"""Faults put upon the tools: each run ends in time, with one line, and the next gives what an undisturbed one gives.

``pytest tests/weekly/test_faults.py -s`` prints the table. The environment variable
``MMTSCAM_FAULTS`` takes a share of the tries, such as 0.1; all by default.
"""

import hashlib
import json
import math
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tiny_configs import make_tiny_config
from weekly.faults.commands import EPOCHS, commands
from weekly.faults.disks import disk
from weekly.faults.ground import Ground, lost_epochs, put
from weekly.faults.runs import LIMIT

SHARE = float(os.environ.get('MMTSCAM_FAULTS', '1'))
COMMANDS = (
    'train.py --resume',
    'test.py --save-maps',
    'pseudo_label.py',
    'report.py',
    'choose_threshold.py',
    'export.py',
)
# More than a hundred come in time. The export takes much longer than the others.
KILLS = dict(zip(COMMANDS, (34, 24, 24, 22, 14, 10), strict=True))
SIGNALS = dict(zip(COMMANDS, (4, 3, 3, 3, 2, 1), strict=True))


def share(count):
    """So many of a number of tries, one at least."""
    return range(math.ceil(count * SHARE))


@pytest.fixture(scope='module')
def ground(tmp_path_factory, sample_set):
    """All commands, run without a fault once."""
    folder = tmp_path_factory.mktemp('faults')
    cfg = make_tiny_config(sample_set, folder)
    cfg.pop('experiment_name')
    cfg.train_cfg.max_epochs = EPOCHS
    cfg.default_hooks.checkpoint.save_best = 'tscam/cls_top1'
    cfg.optim_wrapper.optimizer.lr = 3e-3
    cfg.dump(folder / 'tiny.py')
    ground = Ground(folder)
    ground.tools = commands(folder / 'tiny.py', folder / 'model.pth')
    ground.busy = commands(folder / 'tiny.py', folder / 'model.pth', readers=2)
    for name in COMMANDS[:5]:
        out = ground.learn(ground.tools[name])
        if name.startswith('train'):
            shutil.copy(out / 'work' / f'epoch_{EPOCHS}.pth', folder / 'model.pth')
        elif name.startswith('test'):
            out.rename(folder / 'tested')
        # Workers draw other numbers, and the config names them.
        ground.learn(ground.busy[name])
    ground.learn(ground.tools['export.py'])
    ground.busy['export.py'] = ground.tools['export.py']
    yield ground
    ground.server.close()
    print(f'\n{ground.tally.table()}')


@pytest.fixture(autouse=True)
def nothing_wrong(ground):
    """A test fails with all that went wrong in it."""
    before = len(ground.tally.faults())
    yield
    wrong = ground.tally.faults()[before:]
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize('name', COMMANDS)
def test_killed_at_any_moment(ground, name):
    """Half of the tries at moments spread evenly over the run, half at changes in its folder, or shortly after one."""
    calm, draw, seconds = ground.calm[ground.tools[name]], ground.draw, ground.seconds(ground.tools[name])

    def kill(run):
        run.sleep_until(draw.uniform(0, 0.9 * seconds))
        where = run.where()
        return where if run.signal(signal.SIGKILL) else None

    for number in share(KILLS[name]):
        if number % 2:
            put(ground, 'SIGKILL at a moment', ground.tools[name], kill, (-9,), tidy=False)
        else:
            write, delay = draw.randint(1, calm.writes), draw.choice((0, 0, 1e-5, 1e-4, 1e-3))
            put(
                ground,
                'SIGKILL at a write',
                ground.tools[name],
                lambda run: '',
                (-9, -14),
                tidy=False,
                write=write,
                delay=delay,
            )


@pytest.mark.parametrize('name', COMMANDS)
@pytest.mark.parametrize(('number', 'code', 'everyone'), [(signal.SIGTERM, 143, False), (signal.SIGINT, 130, True)])
def test_told_to_stop(ground, name, number, code, everyone):
    """SIGTERM reaches the first process, as from a scheduler; Ctrl-C reaches all."""

    seconds = ground.seconds(ground.busy[name])

    def stop(run):
        run.sleep_until(ground.draw.uniform(0.05, 0.4 * seconds))
        while (where := run.where()) == 'elsewhere' and run.age < seconds / 2:  # the tool has not begun yet
            time.sleep(0.01)
        return where if run.signal(number, everyone=everyone) else None

    for _ in share(SIGNALS[name]):
        put(ground, f'{signal.Signals(number).name}', ground.busy[name], stop, (code,))


@pytest.mark.parametrize('name', COMMANDS)
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_while_it_imports(ground, name, number):
    """Most of the first seconds of a tool is imports."""

    def stop(run):
        run.sleep_until(ground.draw.uniform(0.3, 2.5))
        return 'imports' if run.signal(number, everyone=True) else None

    put(ground, f'{number.name}, real command', ground.tools[name], stop, (128 + number,), anew=True)


@pytest.mark.parametrize('name', COMMANDS[:5])
def test_a_worker_dies(ground, name):
    seconds = ground.seconds(ground.busy[name])

    def kill(run):
        run.sleep_until(ground.draw.uniform(0, 0.4) * seconds)
        workers = []
        while run.code is None and not workers:
            workers = [pid for pid in run.members() if pid != run.pid]
        return 'one of its workers' if workers and run.kill(ground.draw.choice(workers)) else None

    for _ in share(3):
        put(ground, 'worker killed', ground.busy[name], kill, (1,))


@pytest.mark.parametrize('name', COMMANDS)
def test_a_full_disk(ground, name):
    command = ground.tools[name]
    for number in share(1 if name.startswith('export') else 4):
        with ground.trying('full disk', name) as row, disk(ground.new() / 'disk') as small:
            used = ground.calm[ground.tools[name]].kilobytes
            small.resize(4 if number == 0 else ground.draw.randrange(4, max(used, 8), 4))
            run = ground.server.start(command.words(small.folder), small.folder)
            run.wait()
            row.tries += 1
            row.late += run.code == 0
            ground.check_end(row, run, small.folder, (0, 1))
            if run.code and 'No space left on device' not in run.err:
                row.add(f'does not say that the disk is full: {run.err[-300:]}')
            small.resize()
            ground.check_again(row, command, small.folder)


@pytest.mark.parametrize('name', COMMANDS)
def test_a_folder_that_cannot_be_written_to(ground, name):
    command = ground.tools[name]
    with ground.trying('read-only folder', name) as row, disk(ground.new() / 'disk') as locked:
        locked.forbid()
        run = ground.server.start(command.words(locked.folder), locked.folder)
        run.wait()
        row.tries += 1
        ground.check_end(row, run, locked.folder, (1,))
        if 'Read-only file system' not in run.err:
            row.add(f'does not say that the folder is read-only: {run.err[-300:]}')
        locked.resize()
        ground.check_again(row, command, locked.folder)


@pytest.mark.parametrize('name', COMMANDS)
def test_two_at_once(ground, name):
    """Both give the result, or one is refused in one line."""
    command = ground.tools[name]
    for _ in share(1 if name.startswith('export') else 3):
        with ground.trying('two at once', name) as row:
            out = ground.new()
            first = ground.server.start(command.words(out), out)
            first.sleep_until(ground.draw.choice((0, 0, 0.3)) * ground.calm[ground.tools[name]].seconds)
            second = ground.server.start(command.words(out), out)
            codes = [run.wait() for run in (first, second)]
            row.tries += 1
            for run in (first, second):
                ground.check_end(row, run, out, (0, 1))
            if 0 not in codes:
                row.add(f'both end with 1: {first.err[-300:]} and {second.err[-300:]}')
            elif (found := command.result(out)) != ground.calm[ground.tools[name]].result:
                row.add(f'another result [{out.name}]: {sorted(found)}')


@pytest.mark.parametrize('name', COMMANDS)
def test_a_clock_that_jumps(ground, name):
    """Time jumps back and ahead while the tool runs, and its files have times of the past and the future after it."""
    command = ground.tools[name]
    for number in share(1 if name.startswith('export') else 2):
        with ground.trying('clock jumps', name) as row:
            out = ground.new()
            run = ground.server.start(
                command.words(out), out, clock=number, write=ground.calm[ground.tools[name]].writes // 2
            )
            run.wait()
            row.tries += 1
            for file in out.rglob('*'):
                moment = time.time() + ground.draw.choice((-1, 1)) * ground.draw.uniform(0, 1e8)
                os.utime(file, (moment, moment))
            ground.check_end(row, run, out, (-9,), tidy=False)
            ground.check_again(row, command, out)
            whole = ground.new()
            run = ground.server.start(command.words(whole), whole, clock=number)
            run.wait()
            ground.check_end(row, run, whole, (0,))
            if command.result(whole) != ground.calm[ground.tools[name]].result:
                row.add(f'another result [{whole.name}]')


def spoil(draw, file):
    """Cut a file short, empty it, fill it with zeros or change bits of it; says which."""
    content, how = bytearray(file.read_bytes()), draw.choice(('cut', 'emptied', 'zeroed', 'one bit', 'many bits'))
    if how == 'cut':
        del content[draw.randrange(1, len(content)) :]
    elif how == 'emptied':
        content.clear()
    elif how == 'zeroed':
        start = draw.randrange(len(content))
        content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    else:
        for _ in range(1 if how == 'one bit' else 50):
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)
    return how


NOTES = {
    'empty': lambda work: '',
    'zeros': lambda work: '\0' * 30,
    'cut': lambda work: f'{work}/epoch_',
    'of a file that is gone': lambda work: f'{work}/epoch_9.pth',
    'of another folder': lambda work: f'/nowhere/epoch_{EPOCHS - 1}.pth',
}


@pytest.mark.parametrize('note', NOTES)
def test_the_note_of_the_last_checkpoint(ground, note):
    """mmengine writes it in place; it may also have been moved with its folder."""
    command = ground.tools['train.py --resume']
    with ground.trying('last_checkpoint', f'{command.name}, {note}') as row:
        out = ground.new()
        run = ground.server.start(command.words(out), out, write=ground.calm[command].writes * 3 // 4)
        run.wait()
        row.tries += 1
        (out / 'work' / 'last_checkpoint').write_text(NOTES[note](out / 'work'))
        again = ground.check_again(row, command, out)
        row.lost = lost_epochs(run, again)
        if row.lost > 1 or ' WARNING' not in again.out:
            row.add(f'{row.lost} epochs lost, or no warning [{again.place.name}]')


def test_a_damaged_checkpoint_to_resume(ground):
    """The one before it takes its place; two are kept, but for the moment in which the next is written."""
    command = ground.tools['train.py --resume']
    write = ground.calm[command].writes * 3 // 4
    for _ in share(8):
        with ground.trying('damaged file', 'train.py --resume') as row:
            kept = []
            while len(kept) < 2:
                out, write = ground.new(), write + 1
                run = ground.server.start(command.words(out), out, write=write)
                run.wait()
                kept = list((out / 'work').glob('epoch_*.pth'))
            row.tries += 1
            newest = out / 'work' / Path((out / 'work' / 'last_checkpoint').read_text()).name
            how = spoil(ground.draw, newest)
            if (again := ground.check_again(row, command, out)) and not again.code:
                row.lost = max(row.lost, lost_epochs(run, again))
                if lost_epochs(run, again) > 1:
                    row.add(f'{lost_epochs(run, again)} epochs lost to a file that was {how} [{again.place.name}]')


@pytest.mark.parametrize('name', COMMANDS[1:])
def test_a_damaged_file_to_read(ground, name):
    """One line names it, or the damage is where nothing is."""
    command = ground.tools[name]
    file = ground.folder / ('tested/maps.npz' if name.startswith('report') else 'model.pth')
    sound = file.read_bytes()
    for _ in share(2 if name.startswith('export') else 6):
        with ground.trying('damaged file', name) as row:
            out = ground.new()
            how = spoil(ground.draw, file)
            run = ground.server.start(command.words(out), out)
            run.wait()
            file.write_bytes(sound)
            row.tries += 1
            ground.check_end(row, run, out, (0, 1))
            if run.code == 1 and file.name not in run.err:
                row.add(f'{how}: the file is not named: {run.err[-300:]}')
            if run.code == 0 and _without_origin(command.result(out)) != _without_origin(
                ground.calm[ground.tools[name]].result
            ):
                row.add(f'{how}: accepted with another result [{out.name}]')


def _without_origin(result):
    """Files that do not hold the hash of the weights."""
    return {key: value for key, value in result.items() if Path(key).suffix in ('.csv', '.jpg')}


def test_damaged_parts(ground):
    command = ground.tools['pseudo_label.py']
    for _ in share(6):
        with ground.trying('damaged file', 'pseudo_label.py, parts') as row:
            out = ground.new()
            run = ground.server.start(command.words(out), out, write=ground.calm[command].writes // 2)
            run.wait()
            row.tries += 1
            for part in (out / 'boxes.json.parts').glob('0*.jsonl'):
                spoil(ground.draw, part)
            ground.check_again(row, command, out)


QUICKSTART = 'quickstart.sh'


@pytest.fixture
def workplace(ground, repo):
    """A checkout with tiny configs, an environment that is set up, and the sample set."""
    place = ground.new()
    for name in ('tools', 'pyproject.toml', 'constraints.txt'):
        (place / name).symlink_to(repo / name)
    (place / 'configs').mkdir()
    cfg = Config.fromfile(ground.folder / 'tiny.py')
    cfg.train_cfg.max_epochs = 2
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.dataset.data_root = 'data/sample'
    cfg.pop('work_dir')
    for name in ('classifier', 'tscam'):
        cfg.dump(place / 'configs' / f'{name}_vit-mini_sample.py')
    # A few images under the description of the whole set, which takes long to draw.
    shutil.copytree(cfg_root(ground), place / 'data' / 'sample')
    (place / 'data' / 'sample' / 'README').write_text('mmtscam sample set: per_class=(90, 30) seed=0\n')
    binaries = place / '.venv' / 'bin'
    binaries.mkdir(parents=True)
    (binaries / 'python').symlink_to(sys.executable)
    (binaries / 'activate').write_text(f'PATH={Path(sys.executable).parent}:$PATH\n')
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    stated = ''.join((repo / name).read_text() for name in ('pyproject.toml', 'constraints.txt', 'tools/setup_env.sh'))
    digest = hashlib.sha256(stated.encode()).hexdigest()
    (place / '.venv' / '.installed').write_text(f'{version} {digest}  -\n')
    return place


def cfg_root(ground):
    """The folder of the small sample set."""
    return Config.fromfile(ground.folder / 'tiny.py').test_dataloader.dataset.dataset.data_root


def quickstart(ground, place):
    return ground.server.start(['bash', 'tools/quickstart.sh'], place / 'work_dirs', cwd=place, anew=True)


def weights(place):
    """The weights that it tests, and what it says of them."""
    work = place / 'work_dirs' / 'tscam_vit-mini_sample'
    state = torch.load(work / 'epoch_2.pth', weights_only=False)['state_dict']
    return {name: value.tolist() for name, value in state.items()}, json.loads((work / 'metrics.json').read_text())


def test_a_quickstart_that_is_stopped_again_and_again(ground, workplace):
    """It goes on each time, and ends with what an undisturbed one gives."""
    calm = ground.new() / 'calm'
    shutil.copytree(workplace, calm, symlinks=True)
    with ground.trying('undisturbed', QUICKSTART):
        run = quickstart(ground, calm)
        assert run.wait() == 0, run.out[-2000:] + run.err
        seconds, wanted = run.seconds, weights(calm)
    kinds = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for number in share(6):
        kind = kinds[number % 3]
        with ground.trying(kind.name, QUICKSTART) as row:
            run = quickstart(ground, workplace)
            run.sleep_until(ground.draw.uniform(0.2, 0.6) * seconds)
            late = not run.signal(kind, everyone=True)
            run.wait(LIMIT)
            row.tries += 1
            row.late += late
            # The shell ends by the signal, or with the exit code of what it runs.
            ground.check_end(row, run, workplace / 'work_dirs', (0, -kind, 128 + kind), tidy=False)
    with ground.trying('started again', QUICKSTART) as row:
        run = quickstart(ground, workplace)
        run.wait()
        row.tries += 1
        ground.check_end(row, run, workplace / 'work_dirs', (0,), tidy=False)
        if not run.code and weights(workplace) != wanted:
            row.add('another result')


def test_old_results_of_a_quickstart_are_not_taken_for_new(ground, workplace):
    """The clock was set back between the results and weights of another training."""
    with ground.trying('clock jumps', QUICKSTART) as row:
        assert quickstart(ground, workplace).wait() == 0
        work = workplace / 'work_dirs' / 'tscam_vit-mini_sample'
        first = json.loads((work / 'metrics.json').read_text())
        (work / 'metrics.json').write_text(json.dumps(dict.fromkeys(first, -1.0)))
        newest = work / 'epoch_2.pth'
        content = torch.load(newest, weights_only=False)
        torch.save({**content, 'note': 'of another training'}, newest)
        os.utime(newest, (1e9, 1e9))
        run = quickstart(ground, workplace)
        row.tries += 1
        if run.wait() or json.loads((work / 'metrics.json').read_text()) != first:
            row.add(f'takes old results for new ones: {run.out[-500:]}')
