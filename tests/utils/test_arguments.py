from pathlib import Path

import numpy as np
import pytest

from mmtscam.utils.arguments import as_list, check_number, check_path, check_whole, is_number, is_whole

WHOLE = [0, -3, 7, np.int64(3), np.uint8(1)]
NUMBERS = [*WHOLE, 0.5, np.float32(0.5), np.float64(-2)]
NO_NUMBERS = [True, False, np.True_, '3', None, [3], 1j, float('nan'), float('inf')]


def test_what_is_a_number():
    assert all(map(is_whole, WHOLE)) and all(map(is_number, NUMBERS))
    assert not any(map(is_whole, [*NO_NUMBERS, 2.0])) and not any(map(is_number, NO_NUMBERS))


@pytest.mark.parametrize(
    ('check', 'message'),
    [
        (lambda: check_whole('size', 2.5, 1), 'size must be a whole number, got 2.5'),
        (lambda: check_whole('size', '2', 1), "size must be a whole number, got '2'"),
        (lambda: check_whole('size', 0, 1), 'size must be at least 1, got 0'),
        (lambda: check_number('wait', float('nan')), 'wait must be a number, got nan'),
        (lambda: check_path('file', 3), 'file must be a path, got 3'),
        (lambda: check_path('file', b'a'), "file must be a path, got b'a'"),
    ],
)
def test_what_is_refused(check, message):
    with pytest.raises(ValueError) as caught:
        check()
    assert str(caught.value) == message


def test_what_passes():
    check_whole('size', np.int64(1), 1)
    check_number('wait', 0.5)
    for path in ('', 'a', Path('a')):
        check_path('file', path)


def test_one_or_several():
    assert [as_list(value) for value in ('ab', b'ab', 3, None)] == [['ab'], [b'ab'], [3], [None]]
    assert [as_list(value) for value in (('a', 'b'), np.array([1, 2]), iter('ab'))] == [['a', 'b'], [1, 2], ['a', 'b']]
