"""Arrays in the content of ``.npy`` files, read without trust in what their headers say."""

import io
import math

import numpy as np

# Booleans, integers and floating-point numbers.
_NUMBERS = 'biuf'


def read_array(content: bytes) -> np.ndarray:
    """Read an array of numbers.

    The shape in the header must be that of the bytes that follow, so that no
    memory is taken for numbers that are not there.

    Args:
        content: Content of an ``.npy`` file.

    Returns:
        The array.

    Raises:
        ValueError: If it is no such content.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, by_columns, dtype = read(stream)
    except Exception as error:  # the header is a Python literal, and its parser fails in many ways
        raise ValueError(f'not a stored array: {error}') from error
    if dtype.kind not in _NUMBERS or dtype.fields is not None or dtype.subdtype is not None:
        raise ValueError(f'not an array of numbers, but of {dtype}')
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f'its shape {shape} is not that of the {len(content) - stream.tell()} bytes that follow')
    values = np.frombuffer(content, dtype, offset=stream.tell()).copy()
    return values.reshape(shape[::-1]).T if by_columns else values.reshape(shape)
