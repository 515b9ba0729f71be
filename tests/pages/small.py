"""Makes a workplace in which the commands for large data and models take seconds: little behind the same names.

The configs keep their recipes, heads, pipelines and epochs. Vision transformers get tiny blocks, loaders no processes,
and no weights are downloaded.
"""

import re
import shutil
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.datasets.categories import CUB_CATEGORIES

from mmtscam.registry import MODELS

from .blocks import REPO, read_pages

WIDTH = 32
SMALL = dict(embed_dims=WIDTH, num_layers=12, num_heads=2, feedforward_channels=2 * WIDTH)
WEIGHTS = 'deit_tiny_patch16_224.pth'


def make_small(folder: Path) -> None:
    """Put small configs, data and weights into a workplace.

    Args:
        folder: The workplace.
    """
    init_default_scope('mmtscam')
    (folder / 'configs').unlink()
    shutil.copytree(REPO / 'configs', folder / 'configs')
    text = ''.join(block.text for page in read_pages() for block in page.blocks)
    for name in set(re.findall(r'configs/[\w/.-]+\.py', text)):
        if (REPO / name).is_file() and '_sample' not in name and not {'mmdet', 'comparisons'} & {*Path(name).parts}:
            write_config(shrink(REPO / name), folder / name)
    _make_cub(folder / 'data' / 'CUB_200_2011', sorted((folder / 'data' / 'sample' / 'images').rglob('*.jpg')))

    model = build(folder / 'configs' / 'tscam_deit-t_cub_released.py')
    torch.save(model.backbone.state_dict(), folder / WEIGHTS)


def shrink(path: Path) -> Config:
    """Read a config and make what it names small."""
    cfg = Config.fromfile(path)
    backbone = cfg.model.backbone
    if 'arch' in backbone and str(backbone.arch).startswith(('deit', 'dinov2')):
        backbone.arch = SMALL
        cfg.model.head.in_channels = WIDTH
        backbone.init_cfg = (
            dict(type='Pretrained', checkpoint=WEIGHTS) if backbone.get('patch_size', 16) == 16 else None
        )
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


def shrink_detector(cfg: Config) -> None:
    """Give a config of ``configs/mmdet`` little to do: two small images, no pretrained weights, few proposals."""
    cfg.model.backbone.init_cfg = None
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.indices = [0, 9]
        for step in loader.dataset.pipeline:
            if step.type == 'Resize':
                step.scale = (128, 128)
    cfg.train_cfg.update(max_epochs=1, val_interval=1, dynamic_intervals=None)
    cfg.default_hooks.logger.interval = 1
    if 'roi_head' in cfg.model:
        cfg.model.train_cfg.rpn_proposal.max_per_img = cfg.model.test_cfg.rpn.max_per_img = 50
        # None of 200 classes reaches the threshold after one step.
        cfg.model.test_cfg.rcnn.score_thr = 0.0


def write_config(cfg: Config, path: Path) -> None:
    """Write a config as it is; ``Config.dump`` takes a second to lay it out."""
    path.write_text(''.join(f'{name} = {value!r}\n' for name, value in cfg.to_dict().items()), encoding='utf-8')


def build(config: Path, num_classes: int = 200) -> torch.nn.Module:
    """The model of a small config, with the weights of a fixed seed."""
    cfg = Config.fromfile(config)
    cfg.model.backbone.init_cfg = None
    cfg.model.head.num_classes = num_classes
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


def save_checkpoint(config: Path, path: Path, num_classes: int = 200) -> None:
    """Write a checkpoint of a small config of CUB, with the weights of :func:`build`.

    Args:
        config: The config.
        path: File to write.
        num_classes: How many of CUB's classes the model tells apart.
    """
    model = build(config, num_classes)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=CUB_CATEGORIES[:num_classes]))), path
    )


def _make_cub(root: Path, images: list[Path]) -> None:
    """The first ten classes of CUB-200-2011, with an image each to train and to test on."""
    lists: dict[str, list[str]] = {
        name: [] for name in ('images', 'image_class_labels', 'train_test_split', 'bounding_boxes')
    }
    for index in range(20):
        label, name = index // 2, f'{index // 2 + 1:03}.{CUB_CATEGORIES[index // 2]}'
        (root / 'images' / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(images[index], root / 'images' / name / f'{index}.jpg')
        rows = (f'{name}/{index}.jpg', label + 1, index % 2, '20.0 20.0 60.0 50.0')
        for file, row in zip(lists, rows, strict=True):
            lists[file].append(f'{index + 1} {row}\n')
    for file, rows in lists.items():
        (root / f'{file}.txt').write_text(''.join(rows))
