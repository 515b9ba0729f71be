"""Spoilt files and settings by the ten thousand: each is read, or refused in one line that names it.

``pytest tests/weekly/test_fuzz.py -s`` prints the table. ``MMTSCAM_FUZZ_MINUTES`` sets how long it takes, 30 minutes
by default, ``MMTSCAM_FUZZ_SEED`` the seed, and ``MMTSCAM_FUZZ_TARGET`` takes the targets whose names have it.
"""

import os

import pytest
from weekly.fuzzing import all_targets, fuzz, table

SEED = os.environ.get('MMTSCAM_FUZZ_SEED', '0')
MINUTES = float(os.environ.get('MMTSCAM_FUZZ_MINUTES', '30'))
ONLY = os.environ.get('MMTSCAM_FUZZ_TARGET', '')


@pytest.mark.slow
def test_each_file_is_read_or_refused_in_one_line(tmp_path):
    targets = [target for target in all_targets(tmp_path) if ONLY in target.name]
    outcomes = []
    for place, target in enumerate(targets):
        folder = tmp_path / f'{place:02}'
        folder.mkdir()
        outcomes.append(fuzz(target, folder, SEED, 60 * MINUTES / len(targets)))
    print(f'\n{table(outcomes)}')
    found = [f'{each.target}: {finding}' for each in outcomes for finding in each.findings.values()]
    assert not found, '\n'.join(found)
    # A target that refuses everything shows nothing.
    assert all(each.accepted for each in outcomes)
