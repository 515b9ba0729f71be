import pytest
from PIL import Image

from mmtscam.utils.annotated_size import AnnotatedSize, look_at_size


@pytest.mark.parametrize(
    ('orientation', 'stated', 'expected'),
    [
        (1, None, ((20, 10), False)),
        (1, (20, 10), ((20, 10), False)),
        (6, None, ((20, 10), True)),
        (6, (20, 10), ((20, 10), True)),
        (6, (10, 20), ((10, 20), False)),
    ],
)
def test_the_size_to_which_boxes_belong(tmp_path, orientation, stated, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (20, 10)).save(tmp_path / 'a.jpg', exif=exif)
    info = dict(img_path=str(tmp_path / 'a.jpg'))
    if stated:
        info['annotated_size'] = AnnotatedSize('a.json', *stated)
    assert look_at_size(info) == expected


@pytest.mark.parametrize('stated', [(10, 20), (10, 5), (20, 11)])
def test_another_size_is_refused(tmp_path, stated):
    Image.new('RGB', (20, 10)).save(tmp_path / 'a.png')
    info = dict(img_path=str(tmp_path / 'a.png'), annotated_size=AnnotatedSize('a.json', *stated))
    with pytest.raises(ValueError) as caught:
        look_at_size(info)
    assert str(caught.value).startswith(
        f'{tmp_path}/a.png: the image is read as 20x10, but a.json annotates it as {stated[0]}x{stated[1]}: '
    )
    assert str(caught.value).endswith('correct width and height there')
