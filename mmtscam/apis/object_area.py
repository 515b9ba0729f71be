"""How much of an image objects fill, as a pretrained transformer sees it."""

import copy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import Tensor

from mmtscam.datasets.preparation.findings import Track, no_progress
from mmtscam.localization import min_max
from mmtscam.models.backbones import SATDeiT, TSCAMDeiT
from mmtscam.models.checkpoints import is_pretrained
from mmtscam.pseudo_labels.image_rows import build_dataset
from mmtscam.registry import MODELS
from mmtscam.utils.config import config_name, type_class, type_name

from .pipelines import find_pipeline


def object_areas(
    cfg: Config,
    images: int = 200,
    device: str = 'cpu',
    track: Track = no_progress,
) -> Tensor:
    """The share of each image that its object fills, as far as an untrained model can tell.

    It is the share of patches whose class attention is above a tenth of its
    range. The attention is the mean of four of twelve blocks, the seventh to
    the tenth, of the pretrained backbone, which has not seen the data yet.
    So it takes no training, no boxes and no masks.

    It is a start for ``area`` of :class:`~mmtscam.models.SATHead`. Where
    boxes fill 0.10, 0.18, 0.40, 0.64 and all of an image, it says 0.15, 0.18,
    0.27, 0.37 and 0.49 (DeiT-T, ten classes of CUB-200-2011, padded, whole
    and cropped). On drawings it is too large.

    Args:
        cfg: A config with a :class:`~mmtscam.models.TSCAMDeiT` and its
            pretrained weights, and a training set.
        images: Number of training images, drawn at random, the same ones
            each time.
        device: Where to compute.
        track: Shows progress; see ``rich.progress.track``.

    Returns:
        ``(n,)`` ``float32`` shares in [0, 1] of n images.

    Raises:
        FileNotFoundError: If weights or images are missing.
        ValueError: If the config has no such backbone, or no weights for it,
            or an image cannot be read.
    """
    dataset = build_dataset(cfg, 'train', pipeline=find_pipeline(cfg))
    model = _pretrained(cfg).to(device).eval()
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    chosen = order[:images].sort().values.tolist()
    areas = []
    for index in track(chosen, 'looking at images'):  # one by one, since padding in a batch would count as background
        batch = pseudo_collate([dataset[index]])
        with torch.no_grad():
            feats = model.backbone(model.data_preprocessor(batch)['inputs'])
        areas.append((min_max(feats.mean_attention()) > 0.1).float().mean())
    return torch.stack(areas).cpu()


def _pretrained(cfg: Config) -> Any:
    """The model of a config with pretrained weights, whose backbone exposes the blocks that mark objects."""
    name = config_name(cfg)
    settings = copy.deepcopy(cfg.get('model') or {})
    backbone = settings.get('backbone') or {}
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    kind = type_class(backbone.get('type'), MODELS)
    if not (isinstance(kind, type) and issubclass(kind, TSCAMDeiT)):
        raise ValueError(f'{name}: needs a TSCAMDeiT or SATDeiT as its backbone, not {type_name(backbone.get("type"))}')
    weights = backbone.get('init_cfg')
    if not (is_pretrained(weights) and weights.get('checkpoint')):
        raise ValueError(f'{name}: needs a backbone with pretrained weights: set model.backbone.init_cfg.checkpoint')
    backbone.update(attn_layers=None, attn_aggregation='mean')
    if issubclass(kind, SATDeiT):
        backbone['gated_blocks'] = 0  # an untrained spatial token gates at random
    model = MODELS.build(settings)
    depth = model.backbone.num_layers
    model.backbone.attn_layers = list(range(depth // 2, depth - depth // 6))
    model.backbone.init_weights()
    return model
