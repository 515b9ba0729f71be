"""Writes very small data sets in the layouts of large ones."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

WNIDS = ('n01440764', 'n02000001', 'n03000002')
# The class of each validation image, and its boxes.
ILSVRC_VAL = {
    'ILSVRC2012_val_00000001': (2, [(1, 2, 20, 15), (3, 4, 10, 10)]),
    'ILSVRC2012_val_00000002': (0, [(0, 0, 29, 19)]),
    'ILSVRC2012_val_00000003': (1, [(5, 5, 9, 9)]),
}


def draw(path: Path, size: tuple[int, int] = (30, 20), grey: int = 128) -> None:
    """Save an image of one colour; ``size`` is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('L' if path.suffix == '.png' else 'RGB', size, grey if path.suffix == '.png' else (grey, 0, 255)).save(
        path, 'PNG' if path.suffix == '.png' else 'JPEG'
    )


def write(path: Path, *lines: str) -> None:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines))


def make_ilsvrc(root: Path) -> Path:
    """ILSVRC 2012: 3 classes of 2 training images, 3 validation images, boxes as XML and CSV, lists."""
    base = root / 'ILSVRC'
    train = [f'{wnid}/{wnid}_{number}' for wnid in WNIDS for number in (7, 10)]
    for name in train:
        draw(base / 'Data' / 'CLS-LOC' / 'train' / f'{name}.JPEG')
    rows = []
    for stem, (label, boxes) in ILSVRC_VAL.items():
        draw(base / 'Data' / 'CLS-LOC' / 'val' / f'{stem}.JPEG')
        objects = ''.join(
            f'<object><name>{WNIDS[label]}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>'
            f'<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>'
            for x1, y1, x2, y2 in boxes
        )
        write(base / 'Annotations' / 'CLS-LOC' / 'val' / f'{stem}.xml', f'<annotation>{objects}</annotation>')
        words = ' '.join(f'{WNIDS[label]} {" ".join(map(str, box))}' for box in boxes)
        rows.append(f'{stem},{words} ')
    write(root / 'LOC_val_solution.csv', 'ImageId,PredictionString', *reversed(rows))
    lists = base / 'ImageSets' / 'CLS-LOC'
    write(lists / 'train_cls.txt', *(f'{name} {number}' for number, name in enumerate(train, 1)))
    write(lists / 'val.txt', *(f'{name} {number}' for number, name in enumerate(ILSVRC_VAL, 1)))
    return root


def make_open_images(root: Path, metadata: Path) -> None:
    """OpenImages30k: 2 classes; an image of each for training, validation and test, with masks for the last two."""
    for split in ('train', 'val', 'test'):
        images = [f'{split}/0{name}/{name}.jpg' for name in 'ab']
        for image in images:
            draw(root / image)
        write(metadata / split / 'image_ids.txt', *images)
        write(metadata / split / 'class_labels.txt', *(f'{image},{label}' for label, image in enumerate(images)))
        if split == 'train':
            continue
        stem = f'{split}/0a/a'
        for name, grey in (('_1.png', 255), ('_2.png', 0), ('_ignore.png', 255)):
            draw(root / f'{stem}{name}', grey=grey)
        draw(root / f'{split}/0b/b_1.png', grey=0)
        write(
            metadata / split / 'localization.txt',
            f'{stem}.jpg,{stem}_1.png,{stem}_ignore.png',
            f'{stem}.jpg,{stem}_2.png,',
            f'{split}/0b/b.jpg,{split}/0b/b_1.png,',
        )


def make_image_folders(root: Path) -> Path:
    """One's own images: 2 classes of 2 training images and a test image each, and boxes of the latter."""
    for name in ('cat', 'dog'):
        for path in ('train/{}/1.jpg', 'train/{}/more/2.JPG', 'test/{}/3.jpg'):
            draw(root / path.format(name))
    images = [dict(id=index, file_name=f'{name}/3.jpg') for index, name in enumerate(('dog', 'cat'))]
    data = dict(
        images=images,
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
        annotations=[
            dict(id=1, image_id=0, category_id=2, bbox=[1, 2, 10, 5]),
            dict(id=2, image_id=1, category_id=1, bbox=[3, 4, 6, 7]),
        ],
    )
    write(root / 'annotations' / 'test.json', json.dumps(data))
    return root


def make_cub_v2(root: Path, metadata: Path) -> None:
    """CUBV2 of the WSOL benchmark: 2 images of the first classes."""
    images = ['001.Black_footed_Albatross/1.jpg', '002.Laysan_Albatross/2.jpg']
    for image in images:
        draw(root / image)
    write(metadata / 'image_ids.txt', *images)
    write(metadata / 'class_labels.txt', f'{images[0]},0', f'{images[1]},1')
    write(metadata / 'image_sizes.txt', *(f'{image},30,20' for image in images))
    write(metadata / 'localization.txt', f'{images[0]},1,2,20,15', f'{images[1]},0,0,29,19')


def spoil(path: Path) -> None:
    """Cut an image file off."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(path, 'JPEG')
    path.write_bytes(path.read_bytes()[:600])
