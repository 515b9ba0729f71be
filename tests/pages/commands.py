"""Does what a command of a page says, or in the mode ``check`` holds its words against what reads them.

Commands that need a network or another machine are only read: those of pip, npm, mim, pre-commit and Slurm.
"""

import json
import os
import re
import runpy
import sys
from pathlib import Path

from served.server import read_python, start_python

from .blocks import REPO

# Commands that pages have besides Python and those of every shell.
NAMES = ('pip', 'npm', 'torchrun', 'srun', 'mim', 'pre-commit', 'pdoc', 'pytest')
# They count the images of a whole data set.
READ_ONLY = ('tools/check_data/cub.py',)


def answer(program: str, words: list[str]) -> None:
    """Run or check a command, as ``PAGES_MODE`` says."""
    if program == 'torchrun':
        program, words = 'python', ['-m', 'torch.distributed.run', *words]
    if os.environ['PAGES_MODE'] == 'check' or program != 'python' or words[0] in READ_ONLY:
        check(program, words)
        return
    # A command that several pages have runs once.
    done, call = Path(os.environ['PAGES_DONE']), json.dumps([os.getcwd(), words])
    if words[0].startswith('tools/') and done.is_file() and call in done.read_text().splitlines():
        print(f'{" ".join(words)}: another page has run this')
        return
    try:
        start_python(words)
    except SystemExit as end:
        if end.code:
            raise
    with done.open('a') as file:
        file.write(f'{call}\n')


def check(program: str, words: list[str]) -> None:
    """Hold the words of a command against what reads them.

    Raises:
        SystemExit: If a file is not there, or a parser refuses its words.
    """
    for word in words:
        if re.fullmatch(r'(configs|tools|tests)/[\w./-]+\.(py|sh|txt)', word) and not Path(word).is_file():
            raise SystemExit(f'{word}: there is no such file')
    if program == 'pip':
        _check_pip(words)
    elif program == 'mim':
        if not (REPO / 'configs' / words[2]).is_file():
            raise SystemExit(f'{words[2]}: mmtscam has no such config')
    elif program == 'srun':
        check('python', words[words.index('python') + 1 :])
    elif program == 'python':
        _check_python(words)


def _check_python(words: list[str]) -> None:
    start, argv = read_python(words)
    if words[0] == '-c':
        start()
    elif argv[0] == 'torch.distributed.run':
        from torch.distributed.run import parse_args

        args = parse_args(argv[1:])
        _check_tool([args.training_script, *args.training_script_args])
    else:
        _check_tool(argv)


def _check_tool(words: list[str]) -> None:
    """Let the tool read its command line, and no more; of a tool of another package only the file is looked for."""
    if not Path(words[0]).is_file():
        raise SystemExit(f'{words[0]}: there is no such file')
    if 'site-packages' in words[0]:
        return
    sys.argv = words
    names = runpy.run_path(words[0], run_name='checked')
    # A tool that only starts a part of the package takes its command line from there.
    parse = names.get('parse_args') or getattr(names.get('main'), '__globals__', {}).get('parse_args')
    if parse:
        parse()
    elif words[1:]:
        raise SystemExit(f'{words[0]}: has no parse_args, which reads {" ".join(words[1:])}')


def _check_pip(words: list[str]) -> None:
    """Extras and lists of versions are the project's."""
    project = (REPO / 'pyproject.toml').read_text()
    for extras in re.findall(r'(?:^|\s)\S*\[([\w,]+)\]', ' '.join(words)):
        for extra in extras.split(','):
            if not re.search(rf'^{extra} = \[', project, re.MULTILINE):
                raise SystemExit(f'{extra}: no extra of pyproject.toml')
    if '-c' in words and not (REPO / words[words.index('-c') + 1]).is_file():
        raise SystemExit(f'{words[words.index("-c") + 1]}: there is no such file')
