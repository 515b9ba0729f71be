"""Reading XML files in Pascal VOC's format, which ILSVRC uses too."""

from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from mmtscam.utils.annotated_size import AnnotatedSize

from .base_box_reader import check_xyxy

_MOST_DIGITS = 9  # of the side of an image


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses a document type, which may declare entities that grow without bound or name other files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError(f'it has a document type {name!r}, which annotations do not need: take the line out')


class XMLObject(NamedTuple):
    """One object of an XML file.

    Attributes:
        name: Name of its class.
        box: ``(4,)`` ``float64`` box ``(x1, y1, x2, y2)`` as in the file.
        difficult: Whether it is marked as difficult.
    """

    name: str
    box: np.ndarray
    difficult: bool


class XMLImage(NamedTuple):
    """Annotations of one image in an XML file.

    Attributes:
        objects: The objects in the file's order, maybe none.
        size: The size that it states, ``None`` where it states none or 0, as
            some tools do for an unknown one.
    """

    objects: list[XMLObject]
    size: AnnotatedSize | None


def read_voc_xml(path: str) -> XMLImage:
    """Read the annotations of one image.

    Args:
        path: Path of an XML file that exists.

    Returns:
        Its objects and its size.

    Raises:
        ValueError: If the file is no XML or has a document type, an object has no name or box, or a
            box is not finite or inverted, or the size has a number beyond all images.
    """
    try:
        parser = ElementTree.XMLParser(target=_WithoutDoctype())
        root = ElementTree.parse(path, parser).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: of an unknown encoding
        raise ValueError(f'{path}: not a readable XML file: {error}') from error
    objects = []
    for number, element in enumerate(root.findall('object'), start=1):
        row = f'{path}: object {number}'
        name = (element.findtext('name') or '').strip()
        corners = element.find('bndbox')
        if not name or corners is None:
            raise ValueError(f'{row}: it has no {"bndbox" if name else "name"}')
        values = [(corners.findtext(edge) or '').strip() for edge in ('xmin', 'ymin', 'xmax', 'ymax')]
        difficult = (element.findtext('difficult') or '').strip() == '1'
        objects.append(XMLObject(name, check_xyxy(values, row), difficult))
    sides = [(root.findtext(f'size/{side}') or '').strip() for side in ('width', 'height')]
    if any(side.isdecimal() and len(side) > _MOST_DIGITS for side in sides):
        raise ValueError(f'{path}: its size has a number of more than {_MOST_DIGITS} digits')
    width, height = (int(side) if side.isdecimal() else 0 for side in sides)
    return XMLImage(objects, AnnotatedSize(path, width, height) if width and height else None)
