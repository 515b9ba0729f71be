import cv2
import numpy as np
import pytest
from PIL import Image

from mmtscam.visualization import write_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)


def test_the_ending_decides(tmp_path):
    write_picture(tmp_path / 'new' / 'a.png', PICTURE)
    write_picture(tmp_path / 'a.jpg', PICTURE)
    with Image.open(tmp_path / 'new' / 'a.png') as png, Image.open(tmp_path / 'a.jpg') as jpeg:
        assert (png.format, jpeg.format) == ('PNG', 'JPEG')
        assert np.array_equal(np.asarray(png), PICTURE)
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['a.jpg', 'a.png', 'new']


@pytest.mark.parametrize('ending', ['png', 'jpg', 'JPEG', 'webp', 'bmp', 'tiff'])
def test_opencv_has_nothing_to_complain_of(tmp_path, capfd, ending):
    """OpenCV 5 warns of parameters that a format does not know."""
    write_picture(tmp_path / f'a.{ending}', PICTURE)
    assert capfd.readouterr() == ('', '')


def test_opencv_sees_the_ending_alone(tmp_path, monkeypatch):
    """It ends the process at names that are no text."""
    seen, have = [], cv2.haveImageWriter
    monkeypatch.setattr(cv2, 'haveImageWriter', lambda name: seen.append(name) or have(name))
    write_picture(tmp_path / 'möwe.1.png', PICTURE)
    assert seen == ['a.png']
    with pytest.raises(OSError, match='the picture cannot be written'):
        write_picture(tmp_path / 'a.möwe', PICTURE)


@pytest.mark.parametrize('name', ['a', 'a.nosuchformat', 'taken.png'])
def test_what_cannot_be_written(tmp_path, name):
    (tmp_path / 'taken.png').mkdir()
    with pytest.raises(OSError, match=f'{name}: the picture cannot be written'):
        write_picture(tmp_path / name, PICTURE)
