import csv
import io

import pytest

from mmtscam.utils.printable import as_cell, from_cell, one_line, printable, shown


def test_what_a_terminal_would_obey_is_written_out():
    name = 'a\x1b[31mb\rc\x9bd\u202ee\u2028f\x7f\udcff'
    assert printable(name) == 'a\\x1b[31mb\\rc\\x9bd\\u202ee\\u2028f\\x7f\\udcff'
    assert printable('Käfer 甲虫 🐞') == 'Käfer 甲虫 🐞'


def test_a_message_is_one_line_of_limited_length():
    assert one_line('a.json: no class\nPASSED \x1b[2J') == 'a.json: no class PASSED \\x1b[2J'
    long = one_line('start' + 'x' * 10_000_000 + 'end')
    assert len(long) < 2010 and long.startswith('start') and long.endswith('end') and ' ... ' in long


def test_long_and_deep_values_are_shortened():
    assert shown({'a': [1, 'b', None]}) == "{'a': [1, 'b', None]}"
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == '[[[[[...]]]]]'
    assert len(shown('a' * 10**6)) < 300
    assert len(shown([1] * 10**6)) < 300


@pytest.mark.parametrize(
    'text',
    [
        '=1+1',
        '+1',
        '-a',
        '@a',
        '\ta',
        '\ra',
        '\na',
        '\uff1d1',
        "'=1",
        "''=1",
        "'a",
        '',
        'a=1',
        '1.jpg',
        "it's",
        '/a-b.jpg',
    ],
)
def test_no_cell_is_a_formula_and_none_is_lost(text):
    stream = io.StringIO()
    csv.writer(stream).writerow(['first', as_cell(text)])
    _, cell = next(csv.reader(io.StringIO(stream.getvalue(), newline='')))
    assert cell[:1] not in set('=+-@\t\r\n\uff1d')
    assert from_cell(cell) == text
    assert (cell == text) == (not text.lstrip("'").startswith(tuple('=+-@\t\r\n\uff1d')))


def test_numbers_are_no_formulas():
    assert [as_cell(value) for value in (-1, -0.5, None)] == [-1, -0.5, None]
