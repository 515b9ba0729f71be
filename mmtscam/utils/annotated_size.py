"""The size of an image for which its boxes were annotated."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .images import look_at_header


class AnnotatedSize(NamedTuple):
    """Size that an annotation file gives an image.

    Attributes:
        file: Path of the annotation file.
        width: Width in pixels.
        height: Height in pixels.
    """

    file: str
    width: int
    height: int

    def check(self, img_path: str, width: int, height: int) -> None:
        """Refuse an image of another size, on which the boxes would lie elsewhere.

        Args:
            img_path: Path of the image.
            width: Its width in pixels, in the orientation to which boxes are
                to belong.
            height: Its height.

        Raises:
            ValueError: If the size is another one.
        """
        if (width, height) == (self.width, self.height):
            return
        advice = 'scale the boxes to the image or, if they fit it, correct width and height there'
        if (width, height) == (self.height, self.width):
            advice = (
                'the boxes may belong to the photograph as its EXIF orientation turns it, or as it lies in the file: '
                "let LoadImageFromFile read it so (color_type='color' turns, 'color_ignore_orientation' does not), or, "
                'if the boxes fit, correct width and height there'
            )
        raise ValueError(
            f'{img_path}: the image is read as {width}x{height}, but {self.file} annotates it as '
            f'{self.width}x{self.height}: {advice}'
        )


def look_at_size(info: Mapping[str, Any]) -> tuple[tuple[int, int], bool]:
    """Read the size of an image to which its true boxes belong, without its pixels.

    Args:
        info: Row of a data set with ``img_path`` and maybe
            ``annotated_size``.

    Returns:
        Width and height, and whether the EXIF orientation turns the image
        away from its boxes. They are those of the image as it lies in the
        file, unless its boxes were annotated on the upright one.

    Raises:
        ValueError: If the file cannot be read as an image, or was annotated
            at another size.
    """
    size, turned = look_at_header(info['img_path'])
    stated: AnnotatedSize | None = info.get('annotated_size')
    if stated is not None:
        if turned and (stated.height, stated.width) == size != size[::-1]:
            size, turned = size[::-1], False
        stated.check(info['img_path'], *size)
    return size, turned
