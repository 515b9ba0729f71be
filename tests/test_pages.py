"""Every command and snippet of every page runs, or says why not; ``pytest tests/test_pages.py -s`` prints the table."""

import ast
import importlib
import json
import re

import pytest
from mmengine.registry import Registry
from pages import REPO, Block, Page, Runner, describe, make_workplace, read_pages

import mmtscam.registry

PAGES = read_pages()
REGISTRIES = [each for each in vars(mmtscam.registry).values() if isinstance(each, Registry)]
WITH_RUNS = [page.path for page in PAGES if any(not block.mark for block in page.blocks)]


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    runner = Runner(make_workplace(tmp_path_factory.mktemp('pages') / 'checkout'))
    yield runner
    runner.close()


@pytest.fixture(scope='module')
def after_readme(runner):
    """The pages go on from README.md, whose first block is the quickstart."""
    return runner, runner.run(PAGES[0], lambda block: not block.mark)


@pytest.mark.parametrize(
    ('mark', 'right'),
    [
        ('', True),
        ('run weekly: needs minutes', True),
        ('run by tests/test_a.py and .ci/run', True),
        ('not run: needs data CUB-200-2011', True),
        ('not run: needs a GPU', True),
        ('not run: needs patience', False),
        ('not run: needs a GPU, they say', False),
        ('runs weekly', False),
    ],
)
def test_there_are_these_marks_alone(mark, right):
    assert Block('a.md', 1, 'bash', 'true\n', mark).is_marked_right() is right


@pytest.mark.parametrize(
    ('command', 'message'),
    [
        ('python tools/train.py configs/tscam_deit-s_cub.py --colour', 'unrecognized arguments: --colour'),
        ('python tools/train.py configs/nowhere.py', 'configs/nowhere.py: there is no such file'),
        ('python tools/nothing.py', 'tools/nothing.py: there is no such file'),
        ('GPUS=1 bash tools/slurm_train.sh A B configs/tscam_deit-s_cub.py C --colour', 'arguments: --colour'),
        ('bash tools/dist_train.sh configs/nowhere.py 2', 'configs/nowhere.py: there is no such file'),
        ("pip install -e '.[everything]'", 'everything: no extra of pyproject.toml'),
        ('tools/train.sh', 'No such file'),
    ],
)
def test_wrong_commands_are_found(runner, command, message):
    page = Page('a.md', (Block('a.md', 7, 'bash', f'{command}\n', 'not run: needs hours'),))
    with pytest.raises(AssertionError, match=r'a\.md:7: ends with') as refused:
        runner.check(page)
    assert message in str(refused.value)


def test_every_block_runs_or_says_why_not():
    print(f'\n{describe(PAGES)}')
    blocks = [block for page in PAGES for block in page.blocks]
    assert [f'{block.place}: <!-- {block.mark} -->' for block in blocks if not block.is_marked_right()] == []
    for block in blocks:
        for file in block.runners:
            reader = (REPO / file).read_text(encoding='utf-8')
            named = 'bash tools/run_tests.sh' if file == '.ci/run' else f"'{block.page}'"
            assert named in reader, f'{block.place}: {file} does not run it'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.path)
def test_snippets_are_python_and_name_parts_that_there_are(page):
    own = {name for each in PAGES for block in each.blocks for name in re.findall(r'^class (\w+)', block.text, re.M)}
    for block in page.blocks:
        if block.language == 'python':
            for node in ast.walk(ast.parse(block.text, block.place)):
                if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('mmtscam'):
                    module = importlib.import_module(node.module)
                    assert all(hasattr(module, alias.name) for alias in node.names), f'{block.place}: {node.module}'
        # mmdet's own need compiled mmcv.
        for name in set(re.findall(r"type='?(?!mmdet\.)([A-Z\w]+\.[A-Z]\w+|[A-Z]\w+)", block.text)) - own:
            assert any(registry.get(name) for registry in REGISTRIES), f'{block.place}: no registry has {name}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.path)
def test_the_tools_understand_every_command(runner, page):
    runner.check(page)


@pytest.mark.slow
def test_the_method_of_the_readme(after_readme):
    folder = after_readme[0].workplace
    (report,) = folder.glob('work_dirs/my_config/*/report.json')
    results = json.loads(report.read_text())['results']
    assert {result['name']: result['map_kind'] for result in results} == {'tscam': 'gated', 'tscam-gate': 'gate'}
    assert all('gt_known_val' in [number['key'] for number in result['numbers']] for result in results)
    assert len(list((folder / 'work_dirs' / 'my_config' / 'pictures').glob('*.png'))) == 16
    (found,) = json.loads((folder / 'outputs' / 'predictions.json').read_text())['predictions']
    assert found['map_kind'] == 'gate'


@pytest.mark.slow
def test_the_quickstart_goes_on_where_it_was(after_readme):
    runner, printed = after_readme
    assert 'Reusing' not in printed
    again = runner.run(PAGES[0], lambda block: 'tools/quickstart.sh' in block.text)
    assert again.count('Reusing') == 3
    assert '$ python tools/' not in again


@pytest.mark.slow
@pytest.mark.parametrize('page', [page for page in PAGES if page.path in WITH_RUNS], ids=lambda page: page.path)
def test_the_commands_and_snippets_run(after_readme, page):
    runner, _ = after_readme
    if page.path != 'README.md':
        runner.run(page, lambda block: not block.mark)
