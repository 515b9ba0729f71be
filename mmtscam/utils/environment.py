"""Environment variables for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable meanwhile, for this process and those that it starts.

    Args:
        name: The variable.
        value: Its value within; afterwards it is what it was before.
    """
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
