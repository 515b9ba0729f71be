"""Makes the folder in which the pages' commands run: a checkout with little data."""

import re
import shutil
from pathlib import Path

import numpy as np
from layouts import write

from mmtscam.datasets import make_sample_set

from .blocks import REPO, Block

# Pages that tell to work in another folder than the repository's.
FOLDERS = {'tests/example_project/README.md': 'tests/example_project'}
# Words for which a reader puts in files of their own.
PLACEHOLDERS = dict(
    CONFIG='configs/tscam_vit-mini_sample.py',
    CHECKPOINT='work_dirs/tscam_vit-mini_sample/epoch_4.pth',
    FOLDER='data/sample/images',
    SEED='26',
)
OWN_PLACEHOLDERS = {
    'configs/cam/README.md': dict(CHECKPOINT='work_dirs/tscam_deit-t_cub_released/epoch_60.pth'),
}
# CI has done these when it runs a page: it has made the environment, and called the tests.
_DONE = {'setup_env.sh': 'cd "$(dirname "${BASH_SOURCE[0]}")/.."\n', 'run_tests.sh': ''}
_SAMPLE = (3, 2)
_REPORT = ('report.json', 'tscam.csv', 'tscam-attention.csv', 'tscam-semantic.csv')


def fill_in(block: Block) -> str:
    """The text of a block, with files in place of the words of :data:`PLACEHOLDERS`."""
    return re.sub(
        rf'(?<![A-Za-z0-9$.])({"|".join(PLACEHOLDERS)})(?![\w=])',
        lambda found: {**PLACEHOLDERS, **OWN_PLACEHOLDERS.get(block.page, {})}[found[1]],
        block.text,
    )


def make_workplace(folder: Path) -> Path:
    """Make a checkout with a small sample set and the images that the pages name.

    Args:
        folder: To make.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    for name in ('configs', 'tests', 'findings', 'constraints.txt', 'pyproject.toml', 'model-index.yml'):
        (folder / name).symlink_to(REPO / name)
    shutil.copytree(REPO / 'tools', folder / 'tools', ignore=shutil.ignore_patterns('__pycache__', *_DONE))
    for name, content in _DONE.items():
        (folder / 'tools' / name).write_text(content)
    activate = folder / '.venv' / 'bin' / 'activate'
    activate.parent.mkdir(parents=True)
    activate.touch()

    sample = make_sample_set(folder / 'data' / 'sample', per_class=_SAMPLE)
    # The quickstart's set is larger; its pages name the first of its test images.
    (sample / 'README').write_text('mmtscam sample set: per_class=(90, 30) seed=0\n')
    for images in (sample / 'images').iterdir():
        shutil.copy(images / f'{images.name[4:]}_0004.jpg', images / f'{images.name[4:]}_0091.jpg')
    image = sample / 'images' / '005.Trunked_Fern' / 'Trunked_Fern_0091.jpg'
    for name in ('bird.jpg', 'a.jpg', 'b.jpg'):
        shutil.copy(image, folder / name)
    _make_own_images(folder / 'data' / 'images', sorted((sample / 'images').rglob('*.jpg')))
    _make_score_maps(folder, image.name)
    # Reports of several tests, side by side: of one, here.
    for name in ('A', 'B', 'C', 'work_dirs/a', 'work_dirs/b'):
        (folder / name / 'report').mkdir(parents=True)
        for file in _REPORT:  # and not the folder, which cannot stand for two seeds
            (folder / name / 'report' / file).symlink_to(folder / 'work_dirs' / 'report' / file)
    return folder


def _make_own_images(root: Path, images: list[Path]) -> None:
    """The 12 classes of which the pages speak, with an image each to train and to test on."""
    for number in range(12):
        for split in ('train', 'test'):
            (root / split / f'class_{number:02}').mkdir(parents=True)
            shutil.copy(images[number], root / split / f'class_{number:02}' / 'a.jpg')


def _make_score_maps(folder: Path, image: str) -> None:
    """A score map of other code, as the benchmark stores it, and the benchmark's lists."""
    (folder / 'MAPS').mkdir()
    np.save(folder / 'MAPS' / f'{image}.npy', np.random.default_rng(0).random((224, 224)))
    metadata = folder / 'metadata' / 'CUB' / 'test'
    write(metadata / 'image_ids.txt', image)
    write(metadata / 'class_labels.txt', f'{image},4')
    write(metadata / 'image_sizes.txt', f'{image},150,120')
    write(metadata / 'localization.txt', f'{image},10,20,90,100')
