"""Reading JSON that anybody may have written."""

import json
import os
from pathlib import Path
from typing import Any


def read_json(path: str | os.PathLike) -> Any:
    """Read a file of JSON.

    Args:
        path: Path of a file that exists.

    Returns:
        Its content.

    Raises:
        ValueError: If it cannot be read; names the file.
    """
    return parse_json(Path(path).read_bytes(), os.fspath(path))


def parse_json(content: bytes | str, where: str) -> Any:
    """Read JSON.

    Args:
        content: The JSON.
        where: Where it stands, for the error.

    Returns:
        Its content.

    Raises:
        ValueError: If it cannot be read: it is none, of another encoding than
            UTF-8, nested more deeply or with longer numbers than Python reads.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        raise ValueError(f'{where}: not a readable json file: {error}') from error
    except RecursionError as error:
        raise ValueError(f'{where}: not a readable json file: it is nested too deeply') from error
