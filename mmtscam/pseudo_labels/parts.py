"""Results of a long run in parts, so that a stopped run can continue and several processes can share the work."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mmtscam.datasets.coco import COCOOutput, coco_annotation, coco_categories
from mmtscam.utils.claims import Claim
from mmtscam.utils.files import write_text
from mmtscam.utils.json_files import parse_json, read_json
from mmtscam.utils.printable import shown

from .image_rows import ImageRow

_RUN = 'run.json'


class PartFolder:
    """A folder beside the file to be written, with a part for each group of images.

    A part holds one line of JSON an image and a last line with the SHA-256 of
    these, and is there whole or not at all.
    The images that a part covers do not depend on the process that writes it.

    Args:
        output: Place of the file to be written in the end; parts lie in its
            ``parts``.
        info: Facts that decide on the content: settings, model, images. Parts
            of a run with other facts are not used.
        num_images: Number of images.
        part_size: Images a part.
        private: Facts that also decide on the content, but are not written to
            the file.
    """

    def __init__(
        self,
        output: COCOOutput,
        info: dict[str, Any],
        num_images: int,
        part_size: int,
        private: dict[str, Any] | None = None,
    ) -> None:
        self.output = output
        self.folder = output.parts
        self.info = info
        self.private = private or {}
        self.num_images = num_images
        self.part_size = part_size
        self._claim: Claim | None = None

    @property
    def num_parts(self) -> int:
        """Number of parts."""
        return -(-self.num_images // self.part_size)

    def prepare(self) -> None:
        """Make the folder, or check that the parts in it are of the same run, and claim it.

        Raises:
            BlockingIOError: If another run writes parts there.
            FileExistsError: If the file to be written is there already.
            ValueError: If the folder does not name its run, or belongs to a
                run with other settings; names the first that differs.
        """
        self.output.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim = self._claim or Claim(self.folder)
        self.output.check()  # a run that had the claim may have written it meanwhile
        settings = dict(self.info, **self.private, num_images=self.num_images, part_size=self.part_size)
        run, file = json.loads(json.dumps(settings)), self.folder / _RUN
        if not file.is_file():
            if any(self.folder.glob('*.jsonl')):
                raise ValueError(f'{self.folder}: holds parts of an unknown run; remove the folder to begin anew')
            write_text(file, json.dumps(run, indent=1) + '\n')
            return
        try:
            known = read_json(file)
        except ValueError as error:
            raise ValueError(f'{file}: not a readable json file; remove the folder to begin anew') from error
        if not isinstance(known, dict):
            raise ValueError(f'{file}: names no run; remove the folder to begin anew')
        if differing := [key for key in run | known if run.get(key) != known.get(key)]:
            then, now = _first_difference(known.get(differing[0]), run.get(differing[0]))
            raise ValueError(
                f'{self.folder}: holds parts of a run with another {differing[0]} ({then} then, {now} now); go on with '
                'the same, or remove the folder to begin anew'
            )

    def images(self, part: int) -> range:
        """Indices of the images of a part."""
        return range(part * self.part_size, min((part + 1) * self.part_size, self.num_images))

    def missing(self) -> list[int]:
        """The parts that are missing, cut off or damaged, as after a breakdown of the machine."""
        return [part for part in range(self.num_parts) if not self._is_whole(part)]

    def _is_whole(self, part: int) -> bool:
        try:
            content = self._file(part).read_bytes()
        except FileNotFoundError:
            return False
        lines = content.splitlines(keepends=True)
        return len(lines) == len(self.images(part)) + 1 and lines[-1] == _digest(b''.join(lines[:-1]))

    def write(self, part: int, records: Sequence[dict[str, Any]]) -> None:
        """Write a part.

        Args:
            part: Its number.
            records: A record for each of its images, with ``name`` and either
                ``error`` or ``path``, ``id``, ``width``, ``height`` and
                ``boxes``, a list of ``[label, score, x1, y1, x2, y2]``.
        """
        assert len(records) == len(self.images(part))
        text = ''.join(json.dumps(record) + '\n' for record in records)
        write_text(self._file(part), text + _digest(text.encode()).decode())

    def merge(self, classes: Sequence[str]) -> dict[str, int]:
        """Write the COCO file from all parts, one after another, and remove them.

        Images that could not be read are left out of ``images`` and listed,
        with the reason, in ``skipped``.

        Args:
            classes: Names of the classes, whose labels the records have.

        Returns:
            Numbers of ``images``, ``boxes``, images ``without a box`` and
            ``skipped`` ones.

        Raises:
            ValueError: If no image could be read, or a record is damaged.
        """
        if all('error' in record for record in self._records()):
            reason = next(self._records())['error']
            raise ValueError(f'{self.output.file}: none of {self.num_images} images could be read: {reason}')
        first = self.output.first_category
        counts = {'images': 0, 'boxes': 0, 'without a box': 0, 'skipped': 0}

        def images() -> Iterator[dict[str, Any]]:
            for record in self._records():
                if 'error' not in record:
                    counts['images'] += 1
                    sizes = dict(width=record['width'], height=record['height'])
                    yield dict(id=record['id'], file_name=record['name'], **sizes, path=record['path'])

        def annotations() -> Iterator[dict[str, Any]]:
            for record in self._records():
                if 'error' in record:
                    continue
                counts['without a box'] += not record['boxes']
                for label, score, *box in record['boxes']:
                    counts['boxes'] += 1
                    yield coco_annotation(counts['boxes'], record['id'], label, box, score, first)

        def skipped() -> Iterator[dict[str, Any]]:
            for record in self._records():
                if 'error' in record:
                    counts['skipped'] += 1
                    yield dict(file_name=record['name'], error=record['error'])

        self.output.write(
            info=self.info,
            categories=coco_categories(classes, first),
            images=images(),
            annotations=annotations(),
            skipped=skipped(),
        )
        # The file that names the run of the parts is removed last.
        for part in range(self.num_parts):
            self._file(part).unlink()
        shutil.rmtree(self.folder)
        self.release()
        return counts

    def release(self) -> None:
        """Let another run write parts."""
        if self._claim:
            self._claim.release()
            self._claim = None

    def _records(self) -> Iterator[dict[str, Any]]:
        for part in range(self.num_parts):
            with self._file(part).open('rb') as file:
                for number, line in enumerate(islice(file, len(self.images(part))), 1):
                    yield _record(line, f'{self._file(part)}:{number}')

    def _file(self, part: int) -> Path:
        return self.folder / f'{part:06d}.jsonl'


def _digest(lines: bytes) -> bytes:
    """The last line of a part."""
    return hashlib.sha256(lines).hexdigest().encode() + b'\n'


def _record(line: bytes, where: str) -> dict[str, Any]:
    """The record of an image, as :meth:`PartFolder.write` takes it."""
    record = parse_json(line, where)
    text, count = (lambda value: isinstance(value, str)), (lambda value: type(value) is int and value >= 0)
    failed = isinstance(record, dict) and 'error' in record
    fields: dict[str, Callable[[Any], bool]] = (
        dict(name=text, error=text)
        if failed
        else dict(name=text, path=text, id=count, width=count, height=count, boxes=_are_boxes)
    )
    for key, fits in fields.items():
        if not isinstance(record, dict) or key not in record or not fits(record[key]):
            raise ValueError(f'{where}: the {key} is missing or damaged; remove the file, to label its images anew')
    return record


def _are_boxes(value: Any) -> bool:
    """Whether a value is a list of ``[label, score, x1, y1, x2, y2]``."""
    return isinstance(value, list) and all(
        isinstance(row, list)
        and len(row) == 6
        and type(row[0]) is int
        and all(isinstance(each, int | float) and abs(each) < 1 << 53 for each in row)
        for row in value
    )


def _first_difference(then: Any, now: Any) -> tuple[str, str]:
    """Two values, or the first lines that differ in two long texts."""
    if isinstance(then, str) and isinstance(now, str):
        lines = zip_longest(then.splitlines(), now.splitlines(), fillvalue='')
        then, now = next((pair for pair in lines if pair[0] != pair[1]), (then, now))
        return then.strip() or 'nothing', now.strip() or 'nothing'
    return shown(then), shown(now)


def rows_digest(rows: Iterable[ImageRow], num_classes: int | None = None) -> str:
    """SHA-256, in hex, of the names and labels of images, in their order.

    Args:
        rows: The images.
        num_classes: Number of classes, if the labels are wanted.

    Raises:
        ValueError: If a label is wanted and is none of the classes; names the
            image.
    """
    digest = hashlib.sha256()
    for path, name, label, _ in rows:
        if num_classes is not None:
            if not isinstance(label, (int, np.integer)):  # an int | np.integer would be made anew for each row
                raise ValueError(
                    f"{path}: has no one class, but {label!r}; label what is predicted (labels='predicted')"
                )
            if not 0 <= label < num_classes:
                raise ValueError(f'{path}: its label {label} is outside the {num_classes} classes of the head')
        digest.update(f'{name}\0{label}\n'.encode())
    return digest.hexdigest()
