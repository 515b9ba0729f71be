"""Everything that a model sees in one image, as arrays."""

import os
import os.path as osp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmtscam.models.backbones import TokenFeatures
from mmtscam.models.heads import BaseLocHead, localize
from mmtscam.registry import BOX_READERS, TRANSFORMS
from mmtscam.structures import LocDataSample
from mmtscam.utils.class_names import find_class, readable_class_name
from mmtscam.utils.config import config_name, read_config
from mmtscam.utils.images import loads_upright, read_image
from mmtscam.utils.turns import Turns

from .block_outputs import default_blocks, keep_outputs, patch_tokens
from .loading import check_localises, class_names, load_model
from .pipelines import find_pipeline
from .precision import in_precision_of


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything that a model sees in one image.

    Attributes:
        image: ``(H, W, 3)`` ``uint8`` RGB, the original image.
        logits: ``(C,)`` ``float32``.
        scores: ``(C,)`` ``float32``, their softmax.
        labels: The k classes whose maps these are.
        maps: Name of each kind of map that the head makes to ``(k, h, w)``
            ``float32``.
        boxes: Kind of map to k arrays ``(n, 4)`` ``float32``, the boxes in
            the image's pixels that are drawn from each map.
        map_kind: Name of the kind with which the model localises.
        layers: ``(L, h, w)`` ``float32`` class attention A*^l of L blocks
            (Eq. 5); ``None`` where the model has none, or has merged the
            blocks (Attention Rollout).
        blocks: Indices of those blocks.
    """

    image: np.ndarray
    logits: np.ndarray
    scores: np.ndarray
    labels: tuple[int, ...]
    maps: dict[str, np.ndarray]
    boxes: dict[str, list[np.ndarray]]
    map_kind: str
    layers: np.ndarray | None
    blocks: tuple[int, ...]


class Explainer:
    """A model that is asked what it sees in images. Threads that share one take turns.

    Args:
        config: File, or config, of any model with one of our heads.
        checkpoint: Its checkpoint, or a released one of TS-CAM.
        device: Where it computes.
        cfg_options: Settings of the config to override.

    Attributes:
        cfg: The config.
        model: The model, in evaluation.
        classes: Names of its classes; empty where they are unknown.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file cannot be read, the two do not fit or the model
            does not localise.
    """

    def __init__(
        self,
        config: str | os.PathLike | Config,
        checkpoint: str | os.PathLike,
        device: str = 'cpu',
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.cfg = read_config(config, cfg_options)
        self.model: BaseModel = load_model(self.cfg, checkpoint, device)
        self._name = config_name(self.cfg)
        check_localises(self.model, self.cfg)
        self.classes = class_names(self.cfg, checkpoint, self.head.num_classes)
        pipeline = find_pipeline(self.cfg)
        self._upright = loads_upright(pipeline)
        self._pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])
        self._read_boxes: Any = None
        self._turns = Turns()  # a forward pass keeps class attention in the backbone until it is taken

    @property
    def backbone(self) -> nn.Module:
        """The model's backbone."""
        return self.model.backbone

    @property
    def head(self) -> BaseLocHead:
        """The model's head."""
        return self.model.head

    def __str__(self) -> str:
        """Config, backbone and head, for messages."""
        return f'{self._name} ({type(self.backbone).__name__} with {type(self.head).__name__})'

    @torch.no_grad()
    def explain(self, img_path: str | os.PathLike, labels: Sequence[int] | None = None, topk: int = 1) -> Explanation:
        """Classify an image, and make maps and boxes of some classes.

        Args:
            img_path: An image file.
            labels: The classes; the ``topk`` best ones by default.
            topk: How many.

        Returns:
            The arrays.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file cannot be read, a label is no class or
                doubled, or the config's test pipeline crops the image.
        """
        for label in labels or ():
            self.check_label(label)
        if labels is not None and (not labels or len(set(labels)) < len(labels)):
            raise ValueError(f'labels must be different and one at least, got {list(labels)}')
        with self._turns:
            feats, sample, image = self._extract(img_path)
            prepared = self.head.prepare(feats)
            logits = self.head.logits(prepared)
            scores = logits.softmax(dim=1)
            if labels is None:
                chosen = scores.topk(min(topk, self.head.num_classes), dim=1).indices
            else:
                chosen = torch.tensor([list(labels)], device=scores.device)
            found = self.head.all_maps(feats, prepared, chosen)
        maps = {
            # A class-agnostic map is that of each class; others have a map a class already.
            kind.name: found[kind.name][0].expand(chosen.shape[1], -1, -1).cpu()
            for kind in self.head.map_kinds
        }
        sample.set_pred_score(scores[0].cpu())
        layers = feats.attention if isinstance(feats, TokenFeatures) else None
        merged = getattr(self.backbone, 'attn_aggregation', 'mean') != 'mean'
        return Explanation(
            image=image,
            logits=logits[0].float().cpu().numpy(),
            scores=sample.pred_score.float().numpy(),
            labels=tuple(chosen[0].tolist()),
            maps={kind: each.float().numpy() for kind, each in maps.items()},
            boxes={kind: self._boxes(sample, chosen[0].cpu(), each) for kind, each in maps.items()},
            map_kind=self.head.settings.map_kind,
            layers=None if layers is None or merged else layers[0].float().cpu().numpy(),
            blocks=() if layers is None or merged else tuple(getattr(self.backbone, 'attn_layers', ())),
        )

    @torch.no_grad()
    def tokens(self, img_path: str | os.PathLike, blocks: Sequence[int | str] | None = None) -> dict[str, np.ndarray]:
        """Patch tokens that blocks of the backbone put out, before any final norm.

        Args:
            img_path: An image file.
            blocks: Indices of transformer blocks (negative ones count from
                the last) or names of submodules, such as ``'layer4'`` of a
                ResNet. By default the first, middle and last block, and the
                last feature map of a convolutional backbone.

        Returns:
            Name of a block, ``'block N'`` with N counted from 1, to its
            ``(N, D)`` ``float32`` patch tokens, row by row. For a feature
            map, its positions take the place of the tokens.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file cannot be read, a block is not there or
                does not put out tokens.
        """
        blocks = default_blocks(self.backbone) if blocks is None else blocks
        try:
            with self._turns, keep_outputs(self.backbone, blocks) as outputs:
                feats, _, _ = self._extract(img_path)
            patches = feats.patches[0, 0].numel() if isinstance(feats, TokenFeatures) else None
            if not blocks:
                outputs = {'last feature map': feats[-1]}
            start = getattr(self.backbone, 'num_extra_tokens', 1)  # Conformer says nothing and has a class token
            found = {name: patch_tokens(output, patches, start, name) for name, output in outputs.items()}
        except ValueError as error:
            raise ValueError(f'{self._name}: {error}') from error
        return {name: tokens.float().cpu().numpy() for name, tokens in found.items()}

    def true_boxes(self, img_path: str | os.PathLike, label: int | None = None) -> np.ndarray:
        """True boxes of an image, from the box reader of the config's test data set.

        Args:
            img_path: An image file of the data set.
            label: Its class, where known.

        Returns:
            ``(n, 4)`` ``float64`` boxes in the image's pixels.

        Raises:
            FileNotFoundError: If an annotation file is missing.
            ValueError: If the data set has no boxes, or none of this image.
        """
        if self._read_boxes is None:
            dataset = self.cfg.get('test_dataloader', {}).get('dataset', {})
            if not dataset.get('boxes'):
                raise ValueError(f'{self._name}: knows no true boxes: set test_dataloader.dataset.boxes')
            root = dataset.get('dataset', {}).get('data_root') or ''
            self._read_boxes = BOX_READERS.build({'data_root': root, **dataset.boxes})
        name = self.classes[label] if label is not None and label < len(self.classes) else None
        return self._read_boxes(os.fspath(img_path), name)

    def class_name(self, label: int) -> str:
        """Name of a class for readers: with blanks, or ``class N`` where it is unknown."""
        return readable_class_name(label, self.classes)

    def find_class(self, name: str | int) -> int:
        """Index of a class, see :func:`~mmtscam.utils.class_names.find_class`."""
        return find_class(name, self.classes, self.head.num_classes)

    def check_label(self, label: int) -> int:
        """Return a class index.

        Raises:
            ValueError: If it is none.
        """
        if not 0 <= label < self.head.num_classes:
            raise ValueError(f'{self._name}: class {label} is outside the {self.head.num_classes} classes of the head')
        return label

    def _extract(self, img_path: str | os.PathLike) -> tuple[Any, LocDataSample, np.ndarray]:
        """The backbone's output for an image, its sample, and the original image."""
        path = os.fspath(img_path)
        if not osp.isfile(path):
            raise FileNotFoundError(f'{path}: image not found')
        try:
            packed = self._pipeline(dict(img_path=path, img_id=0))
            image = read_image(path, self._upright)
        except Exception as error:  # whatever transforms raise
            raise ValueError(f'{path}: cannot be read, or transformed by the test pipeline: {error}') from error
        data = self.model.data_preprocessor(pseudo_collate([packed]))
        inputs = in_precision_of(self.model, data['inputs'])
        return self.model.extract_feat(inputs), packed['data_samples'], image

    def _boxes(self, sample: LocDataSample, labels: Tensor, maps: Tensor) -> list[np.ndarray]:
        """The boxes that are drawn from each of some maps ``(k, h, w)``."""
        sample.class_maps = InstanceData(labels=labels, maps=maps)
        localize(sample, self.head.settings.protocol, len(labels))
        found = sample.pred_instances
        return [found.bboxes[found.labels == label].numpy() for label in labels]
