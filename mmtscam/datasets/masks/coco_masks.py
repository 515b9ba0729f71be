"""Masks in COCO's format."""

import numpy as np

from mmtscam.datasets.coco import COCOFile, COCOObject
from mmtscam.registry import MASK_READERS
from mmtscam.utils.printable import shown

from .base_mask_reader import BaseMaskReader, join_mask

# Pixels of the outline of an object, for each of which pycocotools takes some hundred bytes.
_LONGEST_OUTLINE = 1 << 22
# Characters of a run: 30 bits hold more pixels than an image may have, and pycocotools' numbers have 32.
_MOST_CHARACTERS = 6


@MASK_READERS.register_module()
class COCOMasks(BaseMaskReader):
    """Reads the segmentations of a COCO json file: polygons and run lengths.

    The foreground is the union of an image's objects. Pixels of crowds
    (``iscrowd``) that are not foreground are to be ignored. The mask of an
    image that is listed without any annotation is all background.

    Args:
        data_root: Root of the data set.
        ann_file: The json file, relative to ``data_root`` or absolute.
        img_prefix: Folder in ``data_root`` to which ``file_name`` of the
            images is relative.
        match_class: Take only objects and crowds whose category has the name
            of the image's class; otherwise all.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no proper COCO file.
    """

    def __init__(self, data_root: str, ann_file: str, img_prefix: str = '', match_class: bool = True) -> None:
        self._file = COCOFile(data_root, ann_file, img_prefix, field='segmentation')
        self._match_class = match_class

    def check(self, img_path: str) -> None:
        """See :meth:`BaseMaskReader.check`; the class does not matter."""
        if not self._file.shows_nothing(img_path):
            self._require_objects(self._file.objects(img_path), 'no mask', img_path)

    def __call__(self, img_path: str, class_name: str | None = None) -> np.ndarray:
        """See :meth:`BaseMaskReader.__call__`.

        Raises:
            ValueError: If the image is not listed or has no object of its
                class but others, its size is not told, a segmentation is malformed, or, with
                ``match_class``, ``class_name`` is none of the categories.
        """
        if self._file.shows_nothing(img_path):
            return np.zeros(self._file.size(img_path), np.uint8)
        if self._match_class:
            wanted, objects = f'no mask of class {class_name!r}', self._file.objects_of_class(img_path, class_name)
        else:
            wanted, objects = 'no mask', self._file.objects(img_path)
        self._require_objects(objects, wanted, img_path)
        height, width = self._file.size(img_path)
        foreground, ignore = np.zeros((2, height, width), bool)
        for found in objects:
            region = ignore if found.crowd else foreground
            region |= _decode(found, height, width)
        return join_mask(foreground, ignore)

    def _require_objects(self, objects: list[COCOObject], problem: str, img_path: str) -> None:
        if all(found.crowd for found in objects):
            raise ValueError(f'{self._file.path}: {problem} for image {img_path} (crowds do not count)')


def _decode(found: COCOObject, height: int, width: int) -> np.ndarray:
    """Draw one segmentation as ``(height, width)`` ``bool``."""
    from pycocotools import mask as coco_mask

    segmentation = found.value
    try:
        if isinstance(segmentation, list):
            _check_polygons(segmentation, height, width)
            run_lengths = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
        else:
            run_lengths = _check_run_lengths(segmentation, height, width)
            if isinstance(run_lengths['counts'], list):
                run_lengths = coco_mask.frPyObjects(run_lengths, height, width)
        return coco_mask.decode(run_lengths).astype(bool)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f'{found.where}: its segmentation cannot be drawn: {error}') from error


def _check_polygons(polygons: list, height: int, width: int) -> None:
    """Refuse polygons that pycocotools misreads, or that would fill the memory.

    It takes four numbers for a box, drops half a point, and follows the
    outline pixel by pixel wherever it leads.
    """
    if not polygons:
        raise ValueError('it has no polygon')
    length = 0.0
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f'a polygon needs three or more points x y, got {shown(polygon)}')
        points = np.array([float(value) for value in polygon]).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise ValueError('a polygon is not finite')
        if np.abs(points).max() > 10 * (height + width):
            raise ValueError(f'a polygon leads far out of its image of {width}x{height}')
        length += np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()
    if length > _LONGEST_OUTLINE:
        raise ValueError(f'its outline is {length:.0f} pixels long, and may have {_LONGEST_OUTLINE}')


def _check_run_lengths(run_lengths: object, height: int, width: int) -> dict:
    """Refuse runs that do not cover the image: pycocotools fills the rest with what was in memory before."""
    if not isinstance(run_lengths, dict) or not run_lengths.get('counts'):
        raise ValueError('it is neither a list of polygons nor run lengths')
    if list(run_lengths.get('size', [])) != [height, width]:
        raise ValueError(f'its size is {shown(run_lengths.get("size"))}, the image has [{height}, {width}]')
    counts = run_lengths['counts']
    if not isinstance(counts, list):
        counts = _decompress(counts.encode() if isinstance(counts, str) else counts)
    if not all(type(count) is int for count in counts):
        raise ValueError('its runs must be whole numbers')
    if min(counts) < 0 or sum(counts) != height * width:
        raise ValueError(f'its runs must cover {height * width} pixels and none be negative, got {sum(counts)} pixels')
    return run_lengths


def _decompress(text: bytes) -> list[int]:
    """Runs from COCO's compressed form: five bits a character, from the fourth run on less the last run but one."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        if not 0 <= bits < 64:
            raise ValueError(f'its compressed runs have the character {chr(character)!r}, which is none of theirs')
        if shift == 5 * _MOST_CHARACTERS:
            raise ValueError(f'a compressed run has more than {_MOST_CHARACTERS} characters')
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:  # the last character of this run
            value -= (bits & 0x10 and 1) << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift or not runs:
        raise ValueError('its compressed runs are cut off')
    return runs
