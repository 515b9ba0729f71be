import http.server
import os
import re
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import Compose
from PIL import Image

from mmtscam.registry import TRANSFORMS
from mmtscam.utils.images import (
    IMAGE_ENDINGS,
    check_array,
    list_images,
    loads_upright,
    named_images,
    pipeline_of,
    read_image,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]


def _save(path, image, **kwargs):
    image.save(path, **kwargs)
    return str(path)


@pytest.fixture
def image():
    return Image.fromarray(PIXELS)


def test_colours_as_they_are(tmp_path, image):
    assert np.array_equal(read_image(_save(tmp_path / 'a.png', image)), PIXELS)


@pytest.mark.parametrize('mode', ['L', '1', 'LA'])
def test_grey(tmp_path, mode):
    source = Image.fromarray(GREY).convert(mode)
    expected = np.asarray(source.convert('L'))
    assert np.array_equal(read_image(_save(tmp_path / 'a.png', source)), np.stack([expected] * 3, axis=-1))


def test_16_bits(tmp_path):
    path = _save(tmp_path / 'a.png', Image.fromarray(GREY.astype(np.uint16) * 257))
    assert np.array_equal(read_image(path), np.stack([GREY] * 3, axis=-1))


def test_what_is_transparent_is_grey(tmp_path, image):
    image = image.convert('RGBA')
    image.putpixel((0, 0), (*PIXELS[0, 0].tolist(), 0))
    for name, kind in (('a.png', image), ('b.png', image.convert('P'))):
        read = read_image(_save(tmp_path / name, kind))
        assert read[0, 0].tolist() == [124, 117, 104]
    assert np.array_equal(read_image(str(tmp_path / 'a.png'))[1:], PIXELS[1:])


def test_cmyk(tmp_path):
    flat = Image.new('RGB', (8, 8), (200, 60, 30))
    read = read_image(_save(tmp_path / 'a.jpg', flat.convert('CMYK'), quality=100))
    assert np.abs(read.astype(int) - (200, 60, 30)).max() <= 3


@pytest.mark.parametrize('orientation', range(1, 9))
def test_upright(tmp_path, image, orientation):
    """Written as a camera held that way writes it."""
    turns = [
        None, None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_270,
    ]  # fmt: skip
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = image if turns[orientation] is None else image.transpose(turns[orientation])
    assert np.array_equal(read_image(_save(tmp_path / 'a.png', stored, exif=exif)), PIXELS)


def test_the_first_picture_of_an_animation(tmp_path):
    red, blue = Image.new('RGB', (4, 4), 'red'), Image.new('RGB', (4, 4), 'blue')
    path = _save(tmp_path / 'a.gif', red, save_all=True, append_images=[blue])
    assert read_image(path)[0, 0].tolist() == [255, 0, 0]


def test_of_extreme_shape(tmp_path):
    for size in ((1, 1), (20_000, 100)):
        assert read_image(_save(tmp_path / 'a.jpg', Image.new('RGB', size))).shape == (*size[::-1], 3)


def test_what_is_no_image(tmp_path, image):
    (tmp_path / 'text.jpg').write_text('hello')
    (tmp_path / 'empty.png').touch()
    whole = (tmp_path / 'a.jpg', tmp_path / 'b.png')
    for path in whole:
        Image.fromarray(PIXELS.repeat(40, 0).repeat(40, 1)).save(path)
        content = path.read_bytes()
        path.with_stem('cut').write_bytes(content[: len(content) // 2])
    _save(tmp_path / 'float.tif', Image.fromarray(GREY.astype(np.float32)))
    for name in ('text.jpg', 'empty.png', 'cut.jpg', 'cut.png', 'float.tif'):
        with pytest.raises(ValueError, match=rf'^{tmp_path / name}: cannot be read as an image: \w+'):
            read_image(str(tmp_path / name))
    with pytest.raises(FileNotFoundError, match=r'none\.jpg: no such file'):
        read_image(str(tmp_path / 'none.jpg'))
    for place in (str(tmp_path), 'foo://a/b.jpg', 'http://127.0.0.1:1/a b.jpg', 'https://a/b?u=c://d.jpg'):
        with pytest.raises((ValueError, OSError), match=f'^{re.escape(place)}: cannot be read'):
            read_image(place)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'a.jpg')
    with pytest.raises(ValueError, match=r'a\.jpg: is no file but a pipe or a device'):
        read_image(str(tmp_path / 'a.jpg'))


def test_a_broken_orientation_in_a_sound_image(tmp_path, image):
    path = _save(tmp_path / 'a.png', image, exif=b'Exif\x00\x00nonsense')
    assert np.array_equal(read_image(path), PIXELS)


def test_32_bit_numbers(tmp_path):
    for scale in (1, 257):
        path = _save(tmp_path / 'a.tif', Image.fromarray(GREY.astype(np.int32) * scale))
        assert np.array_equal(read_image(path)[..., 0], GREY)


@pytest.fixture
def server(tmp_path):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


def test_from_the_web(tmp_path, image, server, monkeypatch):
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    _save(tmp_path / 'a.png', image)
    assert np.array_equal(read_image(f'{server}/a.png'), PIXELS)
    with pytest.raises(OSError, match=rf'^{server}/none\.png: cannot be read: .*404'):
        read_image(f'{server}/none.png')


def test_images_of_a_folder(tmp_path, image):
    (tmp_path / 'b').mkdir()
    for name in ('z.PNG', 'b/a.jpg', 'a.jpeg'):
        image.save(tmp_path / name)
    (tmp_path / 'notes.txt').touch()
    (tmp_path / 'folder.jpg').mkdir()
    assert list_images(tmp_path) == [str(tmp_path / name) for name in ('a.jpeg', 'b/a.jpg', 'z.PNG')]


@pytest.mark.parametrize('start', ['.', './', '..', 'absolute', 'absolute/', 'absolute/b', 'b', 'absolute/b/..'])
def test_images_of_a_folder_are_those_that_pathlib_finds(tmp_path, monkeypatch, start):
    """In the same order, with the same paths; links to files count, and folders behind links are not entered."""
    root = tmp_path / 'root'
    names = [
        'a.jpg',
        'b/.hidden.png',
        'b/c.d/e.JPEG',
        'b.jpg/x.bmp',
        'b/.jpg',
        'b/no',
        'b/ä ö.tif',
        '.git/z.gif',
        'b-c/q.webp',
    ]
    for name in [*names, '../outside/o.jpg']:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    links = {'l.jpg': 'a.jpg', 'gone.jpg': 'none', 'loop.png': 'loop.png', 'away': '../outside', 'b/up': '..'}
    for link, target in links.items():
        (root / link).symlink_to(target)
    monkeypatch.chdir(root)
    folder = start.replace('absolute', str(root))
    expected = (path for path in Path(folder).rglob('*') if path.suffix.lower() in IMAGE_ENDINGS and path.is_file())
    found = list_images(folder)
    assert found == sorted(map(str, expected))
    assert len(found) >= 3


def test_images_that_are_named_and_those_of_folders(tmp_path, image):
    for name in ('b.png', 'folder/d.png', 'folder/c.png', 'folder/deep/e.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / name)
    named = [str(tmp_path / 'folder'), str(tmp_path / 'b.png')]
    files = [str(tmp_path / name) for name in ('folder/c.png', 'folder/d.png', 'folder/deep/e.png', 'b.png')]
    assert named_images(named) == files
    assert named_images(named, 2) == [files[0], files[-1]]
    with pytest.raises(FileNotFoundError, match='none: image or folder not found'):
        named_images([*named, str(tmp_path / 'none')])


def test_folders_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no image in it; they end in \.jpg'):
        list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match='none: no such folder'):
        list_images(tmp_path / 'none')


def test_arrays():
    assert np.array_equal(check_array(PIXELS[..., ::-1]), PIXELS)
    assert np.array_equal(check_array(GREY), np.stack([GREY] * 3, axis=-1))
    for wrong in (PIXELS.astype(np.float32), PIXELS[..., :2], PIXELS[None], np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match=r'must be \(H, W, 3\) uint8 in BGR'):
            check_array(wrong)


def test_left_as_it_lies(tmp_path, image):
    exif = Image.Exif()
    exif[0x112] = 3  # upside down, in the same shape
    path = _save(tmp_path / 'a.png', image, exif=exif)
    assert np.array_equal(read_image(path, upright=False), PIXELS)
    assert np.array_equal(read_image(path), PIXELS[::-1, ::-1])


@pytest.mark.parametrize(
    ('loader', 'expected'),
    [
        (dict(type='LoadImageFromFile'), True),
        (dict(type='mmcv.LoadImageFromFile', color_type='color'), True),
        (dict(type='LoadImageFromFile', color_type='color_ignore_orientation', imdecode_backend='pillow'), False),
        (dict(type='mmcv.LoadImageFromFile', color_type='unchanged'), False),
        (dict(type='LoadResizedImage', scale=224), False),
        (dict(type='mmtscam.LoadResizedImage', scale=224), False),
    ],
)
def test_loaders_that_turn_images_upright(tmp_path, image, loader, expected):
    """By their configs, built, and by the pixels that they give."""
    assert loads_upright([loader, dict(type='PackLocInputs')]) is expected
    transform = TRANSFORMS.build(loader)
    assert loads_upright([transform]) is expected
    exif = Image.Exif()
    exif[0x112] = 6  # on its side
    path = _save(tmp_path / 'a.png', image.resize((90, 60), Image.Resampling.NEAREST), exif=exif)
    results = transform.transform(dict(img_path=path))
    assert (
        results['ori_shape'][:2] == read_image(path, upright=expected).shape[:2] == ((90, 60) if expected else (60, 90))
    )


def test_a_pipeline_of_nothing_known():
    assert loads_upright([])
    assert loads_upright([dict(type='MyLoader')])


def test_the_pipeline_of_a_wrapped_data_set():
    steps = [dict(type='LoadImageFromFile', color_type='color_ignore_orientation')]
    inner = dict(type='CUBLoc', pipeline=steps)
    for config in (inner, dict(type='RepeatDataset', dataset=inner), dict(type='ConcatDataset', datasets=[inner, {}])):
        assert pipeline_of(config) == steps

    class Inner:
        pipeline = Compose(steps)

    class Wrapper:
        datasets = (Inner(),)

    assert pipeline_of(Wrapper()) == Inner.pipeline.transforms
    assert pipeline_of([1, 2, 3]) == pipeline_of(dict(type='Other')) == ()
