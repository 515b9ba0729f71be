import pytest
from layouts import make_open_images, spoil

from mmtscam.datasets.preparation import OPEN_IMAGES_COUNTS, check_open_images

COUNTS = dict(zip(OPEN_IMAGES_COUNTS, (2, 2, 2, 2), strict=True))


@pytest.fixture
def root(tmp_path):
    make_open_images(tmp_path / 'OpenImages', tmp_path / 'metadata')
    return tmp_path / 'OpenImages'


@pytest.fixture
def metadata(root):
    return root.parent / 'metadata'


def test_a_whole_set(root, metadata):
    findings = check_open_images(root, metadata, expected=COUNTS, decode=True)
    assert findings.passes()
    assert findings.counts == {**COUNTS, 'val masks and ignore regions': 4, 'test masks and ignore regions': 4}
    assert 'train images: 2 (should be 29,819)' in check_open_images(root, metadata).text()


def test_metadata_named_from_where_the_user_stands(root, metadata, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert check_open_images('OpenImages', 'metadata', expected=COUNTS).passes()


def test_masks_elsewhere(root, metadata):
    masks = root.parent / 'masks'
    for path in list(root.rglob('*.png')):
        target = masks / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    assert check_open_images(root, metadata, expected=COUNTS, mask_root=masks).passes()
    assert check_open_images(root, metadata, expected=COUNTS).problems[0].startswith(f'4 val masks are not in {root}: ')


def test_missing_images_and_masks(root, metadata):
    (root / 'train' / '0b' / 'b.jpg').unlink()
    (root / 'test' / '0a' / 'a_ignore.png').unlink()
    assert check_open_images(root, metadata, expected=COUNTS, decode=True).problems == [
        f'1 train images are not in {root}: train/0b/b.jpg',
        f'1 test masks are not in {root}: test/0a/a_ignore.png',
    ]


def test_unreadable_images_and_masks(root, metadata):
    for path in ('val/0a/a.jpg', 'val/0a/a_2.png'):
        spoil(root / path)
    images, masks = check_open_images(root, metadata, expected=COUNTS, decode=True).problems
    assert images.startswith(f'1 val images of {root} cannot be read: val/0a/a.jpg (')
    assert masks.startswith(f'1 val masks of {root} cannot be read: val/0a/a_2.png (')


def test_image_without_mask(root, metadata):
    path = metadata / 'val' / 'localization.txt'
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:2]))
    assert check_open_images(root, metadata, expected=COUNTS).problems == [
        f'1 images have no mask in {path}: val/0b/b.jpg'
    ]


def test_splits_of_other_classes(root, metadata):
    path = metadata / 'test' / 'class_labels.txt'
    path.write_text(path.read_text().replace(',1', ',2'))
    findings = check_open_images(root, metadata, expected=COUNTS)
    assert findings.problems == ['2 labels are not in both train and test: 1, 2']
    assert findings.counts['classes'] == 3


def test_missing_folders_and_files(root, metadata):
    (metadata / 'val' / 'class_labels.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'val/class_labels.txt: annotation file not found'):
        check_open_images(root, metadata)
    with pytest.raises(FileNotFoundError, match="none: folder not found; copy the benchmark's metadata/OpenImages"):
        check_open_images(root, root / 'none')
    with pytest.raises(FileNotFoundError, match='none: folder not found; unpack the archives'):
        check_open_images(root / 'none', metadata)
    with pytest.raises(FileNotFoundError, match='none: folder not found; unpack the masks'):
        check_open_images(root, metadata, mask_root=root / 'none')
