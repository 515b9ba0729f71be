"""Reading COCO's json files."""

import os
import os.path as osp
from typing import Any, NamedTuple

from mmtscam.datasets.annotation_files import find_file, image_key
from mmtscam.utils.image_decoding import most_pixels
from mmtscam.utils.json_files import read_json
from mmtscam.utils.printable import shown


def read_sections(path: str | os.PathLike) -> dict[str, Any]:
    """Read a COCO file and check what its entries need.

    Args:
        path: Path of a file that exists.

    Returns:
        Its content, with the lists ``images``, ``categories`` and
        ``annotations``. Ids and names are numbers or strings, no two images
        or names of categories have one id, and an annotation is of an image
        and a category that are listed.

    Raises:
        ValueError: If it is no such file; names the entry.
    """
    data = read_json(path)
    for section in ('images', 'annotations', 'categories'):
        if not isinstance(data, dict) or not isinstance(data.get(section), list):
            raise ValueError(f'{path}: not a COCO file: it has no list {section!r}')
    known: dict[str, dict[Any, Any]] = {}
    for section, name in (('images', 'file_name'), ('categories', 'name')):
        known[section] = {}
        for index, entry in enumerate(data[section]):
            where = f'{path}: {section}[{index}]'
            number, called = _get(entry, 'id', where), _get(entry, name, where)
            if section == 'images' and number in known[section]:
                raise ValueError(f'{where}: image {number} ({called}) is listed twice')
            if known[section].setdefault(number, called) != called:
                raise ValueError(
                    f'{where}: category {number} is called {shown(called)}, and {shown(known[section][number])} '
                    'before: give each an id of its own'
                )
    for index, entry in enumerate(data['annotations']):
        where = f'{path}: annotations[{index}]'
        image, category = _get(entry, 'image_id', where), _get(entry, 'category_id', where)
        if image not in known['images']:
            raise ValueError(f'{where}: {_not_among("image", image, "images", known)}')
        if category not in known['categories']:
            raise ValueError(f'{where}: {_not_among("category", category, "categories", known)}')
    return data


def stated_size(image: dict[str, Any]) -> tuple[int, int] | None:
    """Size that an entry of ``images`` states.

    Args:
        image: The entry.

    Returns:
        Width and height in pixels, ``None`` where they are missing or no
        positive integers.
    """
    width, height = image.get('width'), image.get('height')
    if type(width) is int and type(height) is int and width > 0 and height > 0:
        return width, height
    return None


class COCOObject(NamedTuple):
    """One annotation of an image.

    Attributes:
        where: Where it stands, ``FILE: annotations[INDEX]``, for errors.
        category: Name of its category.
        crowd: Whether it is a region of many objects (``iscrowd``).
        value: The one field that is kept, ``None`` where it is missing.
    """

    where: str
    category: str
    crowd: bool
    value: Any


class COCOFile:
    """The objects of each image of a COCO json file.

    Args:
        data_root: Root of the data set.
        ann_file: The json file, relative to ``data_root`` or absolute.
        img_prefix: Folder in ``data_root`` to which ``file_name`` of the
            images is relative.
        field: The field of an annotation to keep: ``bbox`` or
            ``segmentation``.

    Attributes:
        path: Path of the json file.
        categories: Names of its categories.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no COCO file, an entry lacks a field, an image
            is listed twice, or an annotation belongs to an image or category
            that is not listed.
    """

    def __init__(self, data_root: str, ann_file: str, img_prefix: str, field: str) -> None:
        try:
            self.path = find_file(data_root, ann_file)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{error}; predicted boxes are written by pseudo_label.py of the tools') from None
        self._img_root = osp.join(data_root, img_prefix)
        self._last_key = ('', '')
        data = read_sections(self.path)
        categories = {entry['id']: entry['name'] for entry in data['categories']}
        self.categories = tuple(categories.values())

        info = data.get('info')
        self._is_predicted = isinstance(info, dict) and str(info.get('description', '')).startswith('pseudo boxes')
        self._sizes: dict[str, tuple[int, int] | None] = {}
        keys = {}
        for index, entry in enumerate(data['images']):
            image_id = entry['id']
            key = osp.normpath(str(entry['file_name']).replace('\\', '/'))  # tools on Windows write backslashes
            if key in self._sizes:
                raise ValueError(f'{self.path}: images[{index}]: image {image_id} ({key}) is listed twice')
            keys[image_id] = key
            self._sizes[key] = stated_size(entry)
        self._ids = {key: image_id for image_id, key in keys.items()}

        self._objects: dict[str, list[COCOObject]] = {}
        for index, entry in enumerate(data['annotations']):
            where, category = f'{self.path}: annotations[{index}]', categories[entry['category_id']]
            found = COCOObject(where, category, bool(entry.get('iscrowd', 0)), entry.get(field))
            self._objects.setdefault(keys[entry['image_id']], []).append(found)

    def _key(self, img_path: str) -> str:
        """The path by which the file names an image; several questions are asked of one image in turn."""
        if self._last_key[0] != img_path:
            self._last_key = img_path, image_key(img_path, self._img_root)
        return self._last_key[1]

    @property
    def first_image(self) -> str | None:
        """Path of the first image as the file names it, ``None`` where it lists none."""
        return next(iter(self._sizes), None)

    def objects(self, img_path: str) -> list[COCOObject]:
        """All objects of an image.

        Args:
            img_path: Path of the image as the data set gives it.

        Returns:
            Its objects in the file's order, none if it is not listed.
        """
        return self._objects.get(self._key(img_path), [])

    def objects_of_class(self, img_path: str, class_name: str | None) -> list[COCOObject]:
        """The objects of an image that are of one class.

        Args:
            img_path: Path of the image as the data set gives it.
            class_name: Name of a category.

        Returns:
            Those objects in the file's order, none if there is no such one.

        Raises:
            ValueError: If ``class_name`` is none of the file's categories.
        """
        if class_name not in self.categories:
            problem = 'the data set has no class names' if class_name is None else f'no category {class_name!r}'
            raise ValueError(
                f'{self.path}: {problem}, but the objects of the class of {img_path} are wanted (the categories are '
                f'{_shorten(self.categories)}); name the classes as the categories in metainfo, or set '
                'match_class=False to take every box or mask'
            )
        return [found for found in self.objects(img_path) if found.category == class_name]

    def shows_nothing(self, img_path: str) -> bool:
        """Tell whether an image is listed without any object, not even a crowd.

        Args:
            img_path: Path of the image as the data set gives it.
        """
        return self._key(img_path) in self._sizes and not self.objects(img_path)

    def what_is_missing(self, img_path: str, class_name: str | None, what: str) -> str:
        """Say why an image has no object, for an error.

        Args:
            img_path: Path of the image as the data set gives it.
            class_name: The class that is wanted; ``None`` for any.
            what: The missing thing, such as ``'box'``.
        """
        problem = f'no {what} {f"of class {class_name!r} " if class_name else ""}for image {img_path}'
        if self._key(img_path) not in self._sizes:
            problem += f' (it is not listed; these are: {_shorten(tuple(self._sizes)) or "none"})'
        elif any(found.crowd for found in self.objects(img_path)):
            problem += ' (crowds do not count)'
        advice = '; predict them again for the images of this split (pseudo_label.py)' if self._is_predicted else ''
        return f'{self.path}: {problem}{advice}'

    def image_id(self, img_path: str) -> int | None:
        """Id of an image.

        Args:
            img_path: Path of the image as the data set gives it.

        Returns:
            Its id, ``None`` if it is not listed or has no number as its id.
        """
        found = self._ids.get(self._key(img_path))
        return found if isinstance(found, int) else None

    def has_size(self, img_path: str) -> bool:
        """Whether the file tells the size of an image.

        Args:
            img_path: Path of the image as the data set gives it.
        """
        return self._sizes.get(self._key(img_path)) is not None

    def size(self, img_path: str) -> tuple[int, int]:
        """Size of an image.

        Args:
            img_path: Path of the image as the data set gives it.

        Returns:
            Height and width in pixels.

        Raises:
            ValueError: If the file does not tell them, or they are larger
                than an image may be.
        """
        size = self._sizes.get(self._key(img_path))
        if size is None:
            raise ValueError(f'{self.path}: no height and width of image {img_path}')
        width, height = size
        if height * width > most_pixels():
            raise ValueError(f'{self.path}: image {img_path} has {width}x{height} pixels, more than an image may have')
        return height, width


def _get(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise ValueError(f'{where}: it has no {key!r}')
    if not isinstance(entry[key], int | float | str):
        raise ValueError(f'{where}: {key!r} must be a number or a string, got {shown(entry[key])}')
    return entry[key]


def _not_among(kind: str, number: int | float | str, section: str, known: dict[str, dict[Any, Any]]) -> str:
    """Say that an id is not listed, and name the types where they alone differ."""
    is_text = isinstance(number, str)
    if any(str(each) == str(number) and isinstance(each, str) != is_text for each in known[section]):
        own, other = ('text', 'number') if is_text else ('number', 'text')
        return (
            f'{kind} {number}, a {own}, is not among the {section}, whose id {number} is a {other}: give both one type'
        )
    return f'{kind} {number} is not among the {section}'


def _shorten(names: tuple[str, ...], shown: int = 10) -> str:
    text = ', '.join(map(str, names[:shown]))
    return text if len(names) <= shown else f'{text}, ... ({len(names)} in all)'
