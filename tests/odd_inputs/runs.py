"""Run the commands, each in a child of one process that has imported what they need, and judge how they end."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tool_runs import TOOLS

from .case import REFUSED, RIGHT, Case

LIMIT = 60
_DRIVER = f"""
import json, multiprocessing, os, runpy, sys, time
import mmtscam.apis, mmtscam.deployment, mmtscam.engine, mmtscam.pseudo_labels, mmtscam.speed

def child(tool, place):
    for number, stream in ((1, 'out'), (2, 'err')):
        os.dup2(os.open(f'{{place}}.{{stream}}', os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
    runpy.run_path(tool, run_name='__main__')

for place, tool, *arguments in json.load(sys.stdin):
    sys.argv = [tool, *arguments]
    process = multiprocessing.get_context('fork').Process(target=child, args=(tool, place))
    process.start()
    process.join({LIMIT})
    if process.exitcode is None:
        process.kill()
        process.join()
        print('hang', flush=True)
    else:
        print(process.exitcode, flush=True)
"""


@dataclass
class Ended:
    """How a command ended.

    Attributes:
        case: The command.
        code: Its exit code, or ``'hang'``.
        faults: The faults of its end.
        line: The last line on stderr.
    """

    case: Case
    code: str
    faults: list[str]
    line: str


def run_cases(cases: Sequence[Case], folder: Path) -> list[Ended]:
    """Run all cases.

    Args:
        cases: Commands.
        folder: Takes what they print; the commands run in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder / f'{number:03}' for number in range(len(cases))]
    commands = [
        [str(place), str(TOOLS / case.words[0]), *case.words[1:]] for place, case in zip(places, cases, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', _DRIVER],
        cwd=folder,
        env={**os.environ, 'COLUMNS': '400', 'OMP_NUM_THREADS': '1'},
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        text=True,
    )
    codes = done.stdout.split()[-len(cases) :]
    return [judge(case, code, place) for case, code, place in zip(cases, codes, places, strict=True)]


def judge(case: Case, code: str, place: Path) -> Ended:
    """Say what is wrong with the end of a command."""
    out, err = (place.with_suffix(f'.{stream}').read_text(errors='replace') for stream in ('out', 'err'))
    lines = [line for line in err.splitlines() if line.strip()]
    line = lines[-1] if lines else ''
    faults = []
    if code == 'hang':
        faults.append(f'runs for more than {LIMIT} s')
    elif code not in ('0', '1', '2'):
        faults.append(f'ends with {code}')
    if 'Traceback' in out + err:
        faults.append('traceback')
    if code == '0' and case.end == REFUSED:
        faults.append('accepted')
    if code != '0' and case.end == RIGHT:
        faults.append('refused')
    if code in ('1', '2') and not faults:
        messages = [each for each in lines if not each.startswith(('usage:', ' '))]
        reports = [each for each in out.splitlines() if each.startswith(('problem:', 'Skipped:'))]
        if len(messages) != 1 and not reports:
            faults.append(f'{len(messages)} lines')
        text = ' '.join([line, *reports])
        if not any(name in text for name in case.names):
            faults.append(f'names none of {", ".join(case.names)}')
        if case.made is not None and case.made.exists():
            faults.append(f'leaves {case.made.name}')
    return Ended(case, code, faults, line)


def table(ends: Sequence[Ended]) -> str:
    """Inputs, right ends, refusals and faults by kind."""
    kinds = list(dict.fromkeys(ended.case.kind for ended in ends))
    rows = ['| kind of input | tried | right result | one line | faults |', '|---|---|---|---|---|']
    total: Counter[str] = Counter()
    for kind in [*kinds, 'all']:
        of_kind = [ended for ended in ends if kind in ('all', ended.case.kind)]
        total = Counter('fault' if ended.faults else ended.code for ended in of_kind)
        rows.append(f'| {kind} | {len(of_kind)} | {total["0"]} | {total["1"] + total["2"]} | {total["fault"]} |')
    return '\n'.join(rows)
