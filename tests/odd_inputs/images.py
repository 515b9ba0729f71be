"""Images and folders of images, through the demo."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .case import EITHER, REFUSED, RIGHT, Case, Ground

_FORMATS = dict(jpg='JPEG', png='PNG', gif='GIF', webp='WEBP', bmp='BMP', tif='TIFF')


def cases(ground: Ground) -> Iterator[Case]:
    for makes in (_broken, _deep, _odd, _sizes, _large, _folders):
        yield from makes(ground)


def _demo(ground: Ground, kind: str, path: Path, end: str, *names: str) -> Case:
    out = ground.folder(f'demo-{kind}-{path.name}')
    words = ['image_demo.py', str(path), str(ground.config), str(ground.checkpoint), '--out-dir', str(out)]
    return Case(kind, path.name, words, end, names or (path.name,))


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _encode_deep(pixels: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def _image(ground: Ground) -> Image.Image:
    with Image.open(ground.photo) as image:
        return image.convert('RGB')


def _broken(ground: Ground) -> Iterator[Case]:
    image = _image(ground)
    for suffix, kind in _FORMATS.items():
        for name, content in ground.spoilt(_encode(image, kind)):
            path = ground.place(f'images/{name} {suffix}.{suffix}', content)
            yield _demo(ground, f'images: {name}', path, EITHER if name in ('cut', 'bytes changed') else REFUSED)


def _deep(ground: Ground) -> Iterator[Case]:
    pixels = np.asarray(_image(ground))
    grey = pixels[..., 0]
    deep = {
        '16 bits.png': _encode_deep(grey.astype(np.uint16) * 257, '.png'),
        '12 bits in 16.tif': _encode_deep(grey.astype(np.uint16) << 4, '.tiff'),
        '16 bits a colour.png': _encode_deep(pixels.astype(np.uint16) * 257, '.png'),
        '32 bits.tif': _encode(Image.fromarray(grey.astype(np.int32)), 'TIFF'),
    }
    for name, content in deep.items():
        yield _demo(ground, 'images: more than 8 bits', ground.place(f'images/{name}', content), RIGHT)
    refused = {
        'floating point.tif': grey.astype(np.float32),
        'large numbers.tif': grey.astype(np.int32) * 10**6,
        'negative.tif': grey.astype(np.int32) - 100,
    }
    for name, values in refused.items():
        path = ground.place(f'images/{name}', _encode(Image.fromarray(values), 'TIFF'))
        yield _demo(ground, 'images: numbers that cannot be shown', path, REFUSED)


def _odd(ground: Ground) -> Iterator[Case]:
    image = _image(ground)
    rgba = image.convert('RGBA')
    rgba.putalpha(image.convert('L'))
    exif = Image.Exif()
    exif[0x112] = 6
    odd = {
        'cmyk.jpg': _encode(image.convert('CMYK'), 'JPEG'),
        'grey.jpg': _encode(image.convert('L'), 'JPEG'),
        'one bit.png': _encode(image.convert('1'), 'PNG'),
        'palette.png': _encode(image.convert('P'), 'PNG'),
        'alpha.png': _encode(rgba, 'PNG'),
        'grey alpha.png': _encode(image.convert('LA'), 'PNG'),
        'transparent colour.png': _encode(image, 'PNG', transparency=(1, 2, 3)),
        'on its side.jpg': _encode(image, 'JPEG', exif=exif),
        'broken exif.jpg': _encode(image, 'JPEG', exif=b'Exif\x00\x00nonsense'),
        'animation.gif': _encode(image, 'GIF', save_all=True, append_images=[image.rotate(90)]),
        'a png named.jpg': _encode(image, 'PNG'),
        'progressive.jpg': _encode(image, 'JPEG', progressive=True),
    }
    for name, content in odd.items():
        yield _demo(ground, 'images: odd but sound', ground.place(f'images/{name}', content), RIGHT)


def _sizes(ground: Ground) -> Iterator[Case]:
    for width, height in ((1, 1), (1, 900), (900, 1), (2, 3)):
        path = ground.place(f'images/{width}x{height}.png', _encode(Image.new('RGB', (width, height), 'red'), 'PNG'))
        yield _demo(ground, 'images: odd sizes', path, RIGHT)
    yield _demo(
        ground, 'images: odd sizes', ground.place('images/black.png', _encode(Image.new('RGB', (60, 40)), 'PNG')), RIGHT
    )


def _large(ground: Ground) -> Iterator[Case]:
    """Headers alone, of scenes larger than Pillow reads."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    for side in (20_000, 40_000):
        header = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0))
        path = ground.place(f'images/says {side}.png', b'\x89PNG\r\n\x1a\n' + header + chunk(b'IEND', b''))
        yield _demo(ground, 'images: the header of a large scene', path, REFUSED)


def _folders(ground: Ground) -> Iterator[Case]:
    kind = 'folders of images'
    for name in ('empty-folder', 'folder-like-an-image.jpg'):
        (ground.root / name).mkdir()
        yield _demo(ground, kind, ground.root / name, REFUSED)
    yield _demo(ground, kind, ground.root / 'no-such-folder', REFUSED)
    yield _demo(ground, kind, ground.place('text-folder/notes.txt', 'hello').parent, REFUSED)
    for name in ('a.jpg', 'b/c.JPG'):
        ground.place(f'mixed-folder/{name}', ground.photo.read_bytes())
    yield _demo(ground, kind, ground.place('mixed-folder/d.jpg', b'no image').parent, EITHER, 'd.jpg')
