"""The commands of the pages for large data and models run, in the order of the pages, with small ones.

``pytest tests/weekly/test_pages.py -s`` prints the time of each page.
"""

import time

import pytest
from pages import Runner, make_workplace, read_pages
from pages.small import make_small, save_checkpoint

pytestmark = pytest.mark.slow
PAGES = [page for page in read_pages() if any(not block.mark or block.weekly for block in page.blocks)]


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    folder = make_workplace(tmp_path_factory.mktemp('pages') / 'checkout')
    make_small(folder)
    configs = folder / 'configs'
    save_checkpoint(
        configs / 'tscam_deit-t_cub_released.py', folder / 'work_dirs' / 'tscam_deit-t_cub_released' / 'epoch_60.pth'
    )
    runner = Runner(folder)
    # Files of the authors' code, made of ours.
    for config, file in (('tscam_deit-s_cub', 'model_best_top1_loc'), ('sat/sat_deit-s_cub', 'sat_cub')):
        save_checkpoint(configs / f'{config}.py', folder / f'our_{file}.pth')
        runner.shell(f'python tools/model_converters/mmtscam_to_reference.py our_{file}.pth {file}.pth')
    yield runner
    runner.close()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.path)
def test_the_commands_run(runner, page):
    start = time.monotonic()
    runner.run(page, lambda block: not block.mark or block.weekly)
    print(f'\n{page.path}: {time.monotonic() - start:.0f} s')
