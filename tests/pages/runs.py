"""Runs a page: its blocks in order, in one shell."""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

from served import Service

from .blocks import Block, Page
from .commands import NAMES
from .workplace import FOLDERS, fill_in

# Python that stands before and after the snippets of a page.
GIVEN, THEN = (Path(__file__).parent / name for name in ('given', 'then'))
# Seconds for a page, in case that it hangs.
LIMIT = 3600


class Runner:
    """Starts the server that answers ``python``, and runs pages in a workplace.

    Args:
        workplace: Folder of :func:`make_workplace`.
    """

    def __init__(self, workplace: Path) -> None:
        self.workplace = workplace
        self.own = workplace.parent / f'{workplace.name}_runner'
        self._service = Service(self.own, NAMES)

    def close(self) -> None:
        """End all that runs."""
        self._service.close()

    def check(self, page: Page) -> None:
        """Let the tools' parsers read every command of a page.

        Raises:
            AssertionError: If one of them refuses it.
        """
        blocks = [block for block in page.blocks if block.language == 'bash']
        # A script of findings/ does its work without a tool of ours.
        prelude = 'bash() { case $1 in findings/*) command bash -n "$@" ;; *) command bash "$@" ;; esac; }\n'
        self._run_page(page, 'check', prelude + ''.join(f'at {block.place}\n{block.text}' for block in blocks))

    def run(self, page: Page, wanted: Callable[[Block], bool]) -> str:
        """Run the wanted blocks of a page.

        Args:
            page: The page.
            wanted: Whether to run a block.

        Returns:
            What they print.

        Raises:
            AssertionError: If one of them fails.
        """
        parts: list[str] = []
        blocks = [block for block in page.blocks if wanted(block)]
        for python, group in groupby(blocks, key=lambda block: block.language == 'python'):
            if python:
                parts.append(self._snippets(page, list(group)))
            else:
                parts += [f'at {block.place}\n{fill_in(block)}' for block in group]
        return self._run_page(page, 'run', '\n'.join(parts))

    def _snippets(self, page: Page, blocks: list[Block]) -> str:
        """A line that runs snippets that follow each other, in one namespace.

        Those with the name of a file, and configs, become files, which are imported or read.
        """
        name = page.path.removesuffix('.md').replace('/', '_')
        given, then = (folder / f'{name}.py' for folder in (GIVEN, THEN))
        parts = [given.read_text()] if given.is_file() else []
        for block in blocks:
            config = re.search('^_base_ = |^with read_base', block.text, re.MULTILINE)
            file = block.name or f'page_config_{block.line}.py'
            if config or block.name:
                (self.workplace / FOLDERS.get(page.path, '.') / file).write_text(block.text, encoding='utf-8')
            if config:
                parts.append(f'from mmtscam.utils.config import read_config\nconfig = read_config({file!r})\n')
            else:
                parts.append(f'import {Path(file).stem}\n' if block.name else block.text)
        parts += [then.read_text()] if then.is_file() else []
        script = self.own / f'{name}_{blocks[0].line}.py'
        script.write_text(''.join(parts), encoding='utf-8')
        return f'at {blocks[0].place}\nPYTHONPATH=. python {script}\n'

    def _run_page(self, page: Page, mode: str, script: str) -> str:
        at = self.own / 'at'
        at.write_text(page.path)
        script = f'at() {{ echo "$1" > {at}; }}\ncd {FOLDERS.get(page.path, ".")}\n{script}'
        try:
            return self.shell(script, mode)
        except AssertionError as error:
            raise AssertionError(f'{at.read_text().strip()}: {error}') from None

    def shell(self, script: str, mode: str = 'run') -> str:
        """Run a script of Bash in the workplace.

        Args:
            script: The script.
            mode: ``'run'`` or ``'check'``.

        Returns:
            What it prints.

        Raises:
            AssertionError: If it fails.
        """
        printed = self.own / 'printed'
        environment = {
            **self._service.environment,
            'COLUMNS': '200',
            'SERVED_BY': 'pages.commands',
            'PAGES_MODE': mode,
            'PAGES_DONE': str(self.own / 'done'),
        }
        with printed.open('w') as output:
            shell = subprocess.Popen(
                [shutil.which('bash') or 'bash', '-euo', 'pipefail', '-c', script],
                cwd=self.workplace,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = shell.wait(LIMIT)
            finally:
                if shell.poll() is None:
                    os.killpg(shell.pid, signal.SIGKILL)
        text = printed.read_text(encoding='utf-8', errors='replace')
        assert code == 0, f'ends with {code}:\n{text[-4000:]}'
        return text


def describe(pages: Iterable[Page]) -> str:
    """A table: how many blocks of each page run, and why the others do not."""
    rows = ['| page | blocks | run | run by another test | weekly | not run |', '|---|---|---|---|---|---|']
    total: Counter[str] = Counter()
    for page in pages:
        reasons = Counter(block.reason for block in page.blocks if block.reason)
        counts = Counter(
            blocks=len(page.blocks),
            run=sum(not block.mark for block in page.blocks),
            elsewhere=sum(bool(block.runners) for block in page.blocks),
            weekly=sum(block.weekly for block in page.blocks),
        )
        rows.append(_row(page.path, counts, reasons))
        total += counts + reasons
    names = ('blocks', 'run', 'elsewhere', 'weekly')
    rows.append(_row('all', total, Counter({name: count for name, count in total.items() if name not in names})))
    return '\n'.join(rows)


def _row(name: str, counts: Counter[str], reasons: Counter[str]) -> str:
    told = ', '.join(f'{count} {reason}' for reason, count in reasons.most_common())
    numbers = ' | '.join(str(counts[key]) for key in ('blocks', 'run', 'elsewhere', 'weekly'))
    return f'| {name} | {numbers} | {told} |'
