"""Images of all kinds, as everything that reads them sees them."""

import importlib.util
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmtscam.registry import TRANSFORMS
from mmtscam.utils.image_decoding import decode_image, decode_with_opencv, is_deep, most_pixels, open_image
from mmtscam.utils.images import check_headers, read_image
from mmtscam.utils.views import load_then_resize

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = np.arange(54, dtype=np.uint8).reshape(6, 9) * 4
BACKGROUND = [124, 117, 104]


def encoded(pixels, suffix):
    """RGB, RGBA or grey pixels in a file of their own depth."""
    order = {2: None, 3: cv2.COLOR_RGB2BGR}[pixels.ndim]
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        order = cv2.COLOR_RGBA2BGRA
    done, content = cv2.imencode(suffix, pixels if order is None else cv2.cvtColor(pixels, order))
    assert done
    return content.tobytes()


def saved(image, kind='PNG', **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def decoded(content):
    return decode_image(content, upright=False)


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_the_largest_value_tells_the_depth(suffix, bits):
    """Grey values and colours of eight bits come back."""
    for source in (GREY, PIXELS):
        source = source.copy()
        source[0, 0] = 255
        read = decoded(encoded(source.astype(np.uint16) << (bits - 8), suffix))
        assert np.array_equal(read, source if source.ndim == 3 else np.stack([source] * 3, axis=-1))


@pytest.mark.parametrize(
    ('largest', 'expected'), [(255, 255), (256, 64), (1023, 255), (1024, 64), (4096, 64), (16384, 64), (65535, 255)]
)
def test_on_both_sides_of_a_depth(largest, expected):
    grey = np.zeros((3, 4), np.uint16)
    grey[1, 2] = largest
    assert decoded(encoded(grey, '.png')).max() == expected


def test_deep_and_transparent():
    source = np.dstack([PIXELS, np.full((6, 9), 255, np.uint8)])
    source[0, 0] = (255, 255, 255, 255)
    source[2, 3, 3] = 0
    expected = PIXELS.copy()
    expected[0, 0] = 255
    expected[2, 3] = BACKGROUND
    assert np.array_equal(decoded(encoded(source.astype(np.uint16) * 257, '.png')), expected)

    grey = Image.fromarray(GREY.astype(np.uint16) * 257)
    read = decoded(saved(grey, transparency=int(GREY[0, 1]) * 257))
    assert read[0, 1].tolist() == BACKGROUND
    assert np.array_equal(read[1:], np.stack([GREY[1:]] * 3, axis=-1))


def test_one_transparent_colour():
    image = Image.fromarray(PIXELS)
    read = decoded(saved(image, transparency=tuple(PIXELS[1, 1].tolist())))
    expected = PIXELS.copy()
    expected[1, 1] = BACKGROUND
    assert np.array_equal(read, expected)


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_deep_images_are_told_by_their_header(suffix):
    for source in (GREY, PIXELS):
        for pixels, expected in ((source, False), (source.astype(np.uint16) * 257, True)):
            with open_image(encoded(pixels, suffix)) as image:
                assert is_deep(image) is expected


def test_deep_images_are_turned_too():
    exif = Image.Exif()
    exif[0x112] = 3
    upside_down = saved(Image.fromarray(GREY.astype(np.uint16) * 257), exif=exif)
    assert np.array_equal(decode_image(upside_down, upright=True)[..., 0], GREY[::-1, ::-1])
    assert np.array_equal(decode_image(upside_down, upright=False)[..., 0], GREY)


def test_tiff_is_upright_always():
    """By Pillow's own doing; a second turn would undo it."""
    exif = Image.Exif()
    exif[0x112] = 6
    content = saved(Image.fromarray(PIXELS), 'TIFF', exif=exif)
    expected = np.rot90(PIXELS, -1)
    for upright in (True, False):
        assert np.array_equal(decode_image(content, upright), expected)


def test_numbers_of_more_than_16_bits_or_below_zero():
    for wrong in (65536, -1):
        grey = np.zeros((3, 4), np.int32)
        grey[0, 0] = wrong
        with pytest.raises(ValueError, match=r'its pixels go from .* not from 0 to 65535: save it with 8 bits'):
            decoded(saved(Image.fromarray(grey), 'TIFF'))


def test_floating_point_numbers_are_refused_by_the_header(tmp_path):
    path = tmp_path / 'depth.tif'
    Image.fromarray(GREY.astype(np.float32)).save(path)
    with pytest.raises(ValueError, match='floating-point numbers, of which white is not known: save it with 8 bits'):
        decoded(path.read_bytes())
    Image.fromarray(GREY).save(tmp_path / 'grey.tif')
    (tmp_path / 'text.tif').write_text('no image')
    sound = [str(tmp_path / name) for name in ('grey.tif', 'text.tif', 'none.tif', 'none.jpg')]
    check_headers(sound)
    with pytest.raises(ValueError, match=r'^\S*depth\.tif: cannot be read as an image: its pixels are floating'):
        check_headers([*sound, str(path)])


def test_scenes_larger_than_pillow_takes(monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 20)
    content = saved(Image.fromarray(PIXELS))
    with pytest.raises(ValueError, match=r'54 pixels.*let the environment variable MMTSCAM_MAX_IMAGE_PIXELS be'):
        decoded(content)
    monkeypatch.setenv('MMTSCAM_MAX_IMAGE_PIXELS', '54')
    assert np.array_equal(decoded(content), PIXELS)
    for wrong in ('all', '-1', '0', '1e9'):
        monkeypatch.setenv('MMTSCAM_MAX_IMAGE_PIXELS', wrong)
        with pytest.raises(ValueError, match=f'MMTSCAM_MAX_IMAGE_PIXELS must be a number of pixels, got {wrong!r}'):
            decoded(content)


def files():
    image = Image.fromarray(PIXELS)
    rgba = image.convert('RGBA')
    rgba.putpixel((0, 0), (1, 2, 3, 0))
    grey = Image.fromarray(GREY)
    return {
        'rgb.png': saved(image),
        'one-transparent-colour.png': saved(image, transparency=tuple(PIXELS[1, 1].tolist())),
        'rgba.png': saved(rgba),
        'rgba.webp': saved(rgba, 'WEBP', lossless=True),
        'palette.png': saved(image.convert('P')),
        'palette-transparent.png': saved(rgba.convert('P')),
        'grey.png': saved(grey),
        'grey-alpha.png': saved(grey.convert('LA')),
        'one-bit.png': saved(grey.convert('1')),
        'cmyk.jpg': saved(image.convert('CMYK'), 'JPEG'),
        'jpeg.jpg': saved(image, 'JPEG'),
        'deep-grey.png': encoded(GREY.astype(np.uint16) << 4, '.png'),
        'deep-rgb.png': encoded(PIXELS.astype(np.uint16) << 4, '.png'),
        'deep.tif': encoded(PIXELS.astype(np.uint16) << 8, '.tiff'),
        'first.gif': saved(image.convert('P'), 'GIF', save_all=True, append_images=[Image.new('P', image.size)]),
    }


@pytest.fixture(scope='module')
def demo():
    from pathlib import Path

    spec = importlib.util.spec_from_file_location('onnx_demo', Path('tools/deployment/onnx_demo.py').resolve())
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('name', files())
def test_one_file_shows_the_same_pixels_everywhere(tmp_path, name, demo):
    path = tmp_path / name
    path.write_bytes(files()[name])
    expected = read_image(str(path))  # inferencer, pseudo labels, pictures
    resized = dict(type='LoadResizedImage', scale=(9, 6))
    for steps in (
        [dict(type='LoadImageFromFile')],
        [dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation')],
        [resized],
        [{**resized, 'fast': True}],
        load_then_resize([resized]),
    ):
        results = dict(img_path=str(path))
        for step in steps:
            results = TRANSFORMS.build(step)(results)
        assert results['img'].dtype == np.uint8
        if name == 'jpeg.jpg' and steps[0].get('fast'):
            assert np.abs(results['img'][..., ::-1].astype(int) - expected).max() <= 4
        else:
            assert np.array_equal(results['img'][..., ::-1], expected)
    if name.startswith('deep'):
        with pytest.raises(SystemExit, match=f'{name}: has more than 8 bits a grey value or colour: save it with 8'):
            demo.read_image(str(path))
    else:
        assert np.array_equal(np.asarray(demo.read_image(str(path))), expected)


def test_opencv_is_not_asked_for_a_part_that_is_not_there():
    """It would take the memory that the part says to need: here a part of three bytes more than there are."""
    stream = io.BytesIO()
    Image.new('L', (3, 2), 7).save(stream, 'PNG')
    content = stream.getvalue()
    assert decode_with_opencv(content, cv2.IMREAD_UNCHANGED).tolist() == [[7] * 3] * 2
    place = content.index(b'IEND') - 4
    longer = content[:place] + (3).to_bytes(4, 'big') + content[place + 4 :]
    with pytest.raises(OSError, match='a part of the PNG file is cut off'):
        decode_with_opencv(longer, cv2.IMREAD_UNCHANGED)
    stream = io.BytesIO()
    Image.new('RGB', (3, 2), (7, 7, 7)).save(stream, 'BMP')
    assert decode_with_opencv(stream.getvalue(), cv2.IMREAD_GRAYSCALE).tolist() == [[7] * 3] * 2


def test_the_largest_number_of_pixels(monkeypatch):
    monkeypatch.delenv('MMTSCAM_MAX_IMAGE_PIXELS', raising=False)
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', 50)
    assert most_pixels() == 100
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', None)  # Pillow reads any
    assert most_pixels() == float('inf')
    monkeypatch.setenv('MMTSCAM_MAX_IMAGE_PIXELS', '7')
    assert most_pixels() == 14


def test_a_broken_part_is_an_error_of_the_file():
    """Pillow raises a SyntaxError, which would be taken for a bug of the code around it."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, 'PNG')
    content = stream.getvalue()
    second = content.index(b'IDAT', content.index(b'IDAT') + 4)
    with pytest.raises(OSError, match='the file is broken: '):
        decode_image(content[:second] + b'\x0b\x01\x02\x03' + content[second + 4 :], upright=True)
