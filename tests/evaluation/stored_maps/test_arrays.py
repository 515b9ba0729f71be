import io

import numpy as np
import pytest

from mmtscam.evaluation.stored_maps.arrays import read_array


def _saved(array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


@pytest.mark.parametrize('dtype', ['f4', 'f8', 'f2', 'i8', 'u1', '?', '>i4', '>f4'])
@pytest.mark.parametrize('shape', [(), (0,), (3,), (2, 3), (2, 0, 4), (2, 3, 4)])
def test_arrays_of_numpy(dtype, shape):
    array = (np.random.default_rng(0).random(shape) * 9).astype(dtype)
    for each in (array, array.T):
        read = read_array(_saved(each))
        np.testing.assert_array_equal(read, each)
        assert (read.dtype, read.shape) == (each.dtype, each.shape)
        assert read.flags.writeable and read.flags.owndata | (read.base is not None)
    np.testing.assert_array_equal(read_array(_saved(array, (2, 0))), array)


@pytest.mark.parametrize(
    ('array', 'said'),
    [
        (np.array(['a']), 'not an array of numbers'),
        (np.zeros(2, 'M8[s]'), 'not an array of numbers'),
        (np.zeros(2, 'c8'), 'not an array of numbers'),
        (np.zeros(2, [('a', 'f4')]), 'not an array of numbers'),
        (np.array([None]), 'not an array of numbers'),
    ],
)
def test_other_arrays(array, said):
    with pytest.raises(ValueError, match=said):
        read_array(_saved(array))


def _header(text):
    return b'\x93NUMPY\1\0' + len(text).to_bytes(2, 'little') + text


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x93NUM',
        b'PK\3\4',
        _saved(np.zeros(3))[:-1],
        _saved(np.zeros(3)) + b'0',
        b'\x93NUMPY\7\0' + _saved(np.zeros(3))[8:],
        _header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }"),
        _header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
        _header(b"{'descr': '<f4', 'fortran_order': False, 'shape': ('a',), }"),
        _header(b"{'descr': ('<f4', (3,)), 'fortran_order': False, 'shape': (), }"),
        _header(b"{'descr': '<f4'"),
        _header(b'(' * 9000),
        _header(b"open('marker', 'w')"),
    ],
)
def test_what_is_no_array(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r'^(not a stored array: |not an array of numbers|its shape )'):
        read_array(content)
    assert list(tmp_path.iterdir()) == []
