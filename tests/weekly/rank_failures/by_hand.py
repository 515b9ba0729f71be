"""Failures in processes that were started by hand: nobody ends the others but they themselves."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from rank_runs import TOOLS, Rank, RankRuns

from .cases import Case, all_cases
from .ground import LIMIT, Ground, words_of


def fail_by_hand(ground: Ground) -> tuple[str, list[str]]:
    """Let each case fail.

    Returns:
        A table, and what is wrong.
    """
    rows = [f'{"what fails":<42} {"tool":<12} {"n":>2} {"all s":>6} {"after":>6}  message']
    wrong = []
    with RankRuns(ground.folder) as runs:
        for number, case in enumerate(all_cases(ground)):
            place = dict(config=ground.write(f'case{number}', case.changes), checkpoint=ground.checkpoint)
            words = [
                [
                    *words_of(case.tool, **{**place, **case.given.get(rank, {})}, folder=ground.folder / str(number)),
                    *('--launcher', 'pytorch', *case.words),
                ]
                for rank in range(case.ranks)
            ]
            ends = runs.run(TOOLS / case.tool, words, case.ranks, LIMIT, case.act)
            faults = judge(case, ends)
            if left := left_over([ended.pid for ended in ends]):
                faults.append(f'processes of groups {left} are left')
            rows.append(row(case, ends, ground))
            wrong += [f'{case.kind}, {case.tool}: {fault}' for fault in faults]
            if faults:
                wrong += [ended.printed[-1500:] for ended in ends]
    return '\n'.join(rows), wrong


def row(case: Case, ends: Sequence[Rank], ground: Ground) -> str:
    """A row of the table: seconds from the start, and from the first process's end, to the last one's; the message."""
    seconds = sorted(ended.seconds for ended in ends)
    found = [re.search(f'.*({case.message}).*', ended.printed) for ended in ends] if case.message else []
    said = next((match[0] for match in found if match), '').replace(str(ground.folder), '')
    times = f'{seconds[-1]:6.1f} {seconds[-1] - seconds[0]:6.1f}'
    return f'{case.kind:<42} {Path(case.tool).stem:<12} {case.ranks:>2} {times}  {said[:100]}'.rstrip()


def judge(case: Case, ends: Sequence[Rank]) -> list[str]:
    """Say what is wrong with an end."""
    wrong = []
    if any(ended.seconds >= LIMIT for ended in ends):
        wrong.append('it hung')
    done = [rank for rank, ended in enumerate(ends) if ended.code == 0]
    if len(done) == case.ranks or (done and not case.late):
        wrong.append(f'processes {done} end with 0')
    speaking = [rank for rank, ended in enumerate(ends) if case.message and re.search(case.message, ended.printed)]
    if case.message and len(speaking) != 1:
        wrong.append(f'processes {speaking} have its message')
    traced = [rank for rank, ended in enumerate(ends) if 'Traceback' in ended.printed]
    if traced != (speaking if case.traced else []):
        wrong.append(f'processes {traced} have a traceback')
    failed = speaking[0] if speaking else case.rank
    if case.rank not in (None, failed):
        wrong.append(f'process {failed} has the message of {case.rank}')
    for rank, ended in enumerate(ends):
        last = ended.printed.rstrip().rpartition('\n')[2]
        if rank != failed:
            right = rank in done or last == f'rank {rank} ends, since rank {failed} has failed or was stopped'
        else:
            right = case.traced or not case.message or re.match(f'rank {rank}: .*({case.message})', last)
        if not right:
            wrong.append(f'process {rank} ends with {last!r}')
    return wrong


def left_over(groups: Sequence[int], patience: float = 10) -> list[int]:
    """Groups of processes of which some are left."""
    end = time.monotonic() + patience
    while (alive := [group for group in groups if _is_alive(group)]) and time.monotonic() < end:
        time.sleep(0.1)
    return alive


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
