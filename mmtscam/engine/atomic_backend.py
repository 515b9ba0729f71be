"""A file backend that writes files whole or not at all."""

import os

from mmengine.fileio import LocalBackend, register_backend


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """mmengine's local backend, writing to a temporary file that is then renamed.

    mmengine writes a checkpoint in place, and writes the last one a second
    time when it turns out to be the best. A kill in between would leave a
    truncated file as the one to resume from.
    """

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write bytes to a file.

        Args:
            obj: The bytes.
            filepath: The file; an existing one is replaced at once.
        """
        unfinished = f'{filepath}.unfinished'
        super().put(obj, unfinished)
        os.replace(unfinished, filepath)
