"""Finding and reading annotation files."""

import os.path as osp
from pathlib import Path


def find_file(data_root: str, path: str) -> str:
    """Join an annotation file to the root of its data set.

    Args:
        data_root: Root of the data set.
        path: The file, relative to it or absolute.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    joined = _join(data_root, path)
    if not osp.isfile(joined):
        raise FileNotFoundError(f'{joined}: annotation file not found; check data_root and the name of the file')
    return joined


def find_folder(data_root: str, path: str) -> str:
    """Join a folder of annotations to the root of its data set.

    Args:
        data_root: Root of the data set.
        path: The folder, relative to it or absolute.

    Returns:
        Path of the folder.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    joined = _join(data_root, path)
    if not osp.isdir(joined):
        raise FileNotFoundError(f'{joined}: annotation folder not found; check data_root and the name of the folder')
    return joined


def _join(data_root: str, path: str) -> str:
    """Join as text: if the root is a symbolic link, ``../metadata`` then lies beside the link, not its target."""
    return osp.normpath(osp.join(data_root, path))


def image_key(img_path: str, img_root: str) -> str:
    """The path by which annotation files name an image.

    Args:
        img_path: Path of the image as the data set gives it.
        img_root: Folder to which the annotations' paths are relative.

    Returns:
        The normalised path, relative to ``img_root``.
    """
    return osp.relpath(img_path, img_root)


def read_text(path: str) -> str:
    """Read a whole text file.

    Args:
        path: Path of a file that exists.

    Returns:
        Its text, lines ended by a newline alone.

    Raises:
        ValueError: If it is not UTF-8; names the file.
    """
    try:
        return Path(path).read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: not a text file in UTF-8: {error}') from error


def read_comma_rows(path: str, columns: str) -> list[tuple[str, list[str]]]:
    """Read a comma separated file without header.

    Args:
        path: Path of a file that exists.
        columns: Names of its columns, comma separated; the first one must
            not be empty in any row.

    Returns:
        For every row that is not blank, its place ``FILE:LINE`` and its
        values without the blanks around them.

    Raises:
        ValueError: If a row has another number of columns or an empty first
            one.
    """
    rows = []
    for number, line in enumerate(read_text(path).split('\n'), start=1):
        if not line.strip():
            continue
        row, values = f'{path}:{number}', [value.strip() for value in line.split(',')]
        if len(values) != len(columns.split(',')) or not values[0]:
            raise ValueError(f'{row}: a row must be {columns}, got {line.strip()!r}')
        rows.append((row, values))
    return rows
