"""The head of I2C, which makes objects of one class alike, in two images and in all."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from torch import Tensor

from mmtscam.localization.precision import full_precision
from mmtscam.registry import MODELS
from mmtscam.structures import LocDataSample

from .cam_head import CAMHead, normalize_maps


@MODELS.register_module()
class I2CHead(CAMHead):
    """Inter-image communication: CAM that pulls features of objects of one class together.

    Each batch holds pairs of images of one class, see
    :class:`~mmtscam.datasets.ClassPairSampler`. Some pixels of each image
    where the map of the true class is high stand for the object. A local loss
    pulls those of the two images together. A global loss pulls their mean to
    the centre of the class, which follows these means ever more slowly. The
    features are the backbone's. In evaluation the head is :class:`CAMHead`.

    The centres are those of all processes' pairs, the same in each. They are
    saved with the weights. A checkpoint without them, such as CAM's, starts
    with no centres.

    Reference: Zhang et al., "Inter-Image Communication for Weakly Supervised
    Localization" (I2C), ECCV 2020. The authors' code starts with random
    centres, and compares the first pair of each class with them; here a class
    without a centre has no global loss.

    Args:
        num_classes: Number of classes C.
        in_channels: Channels D of the backbone's last feature map.
        *args: Further arguments of ``CAMHead``.
        num_pixels: Pixels that stand for the object of an image.
        high: Value of the map, min-max normalised, above which a pixel is on
            the object.
        pick: ``'random'``, as in the paper, or ``'raster'``, the first pixels
            row by row, as in the authors' code.
        local_weight: Weight of the local loss.
        global_weight: Weight of the global loss.
        decay: A centre moves by ``exp(-decay * n)`` of its distance after n
            pairs of its class.
        **kwargs: Further arguments of ``CAMHead``.

    Attributes:
        centres: ``(C, D)``, zero for a class without pairs.
        counts: ``(C,)`` ``int64`` pairs of each class so far.

    Raises:
        ValueError: If an argument is not among its choices.
    """

    centres: Tensor
    counts: Tensor

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        *args: Any,
        num_pixels: int = 3,
        high: float = 0.7,
        pick: str = 'random',
        local_weight: float = 0.008,
        global_weight: float = 0.001,
        decay: float = 0.002,
        **kwargs: Any,
    ) -> None:
        if pick not in ('random', 'raster'):
            raise ValueError(f'pick must be random or raster, got {pick!r}')
        if not isinstance(num_pixels, int) or num_pixels < 1 or not 0 <= high < 1 or decay < 0:
            raise ValueError(
                'num_pixels must be a whole number from 1, high from 0 to below 1 and decay at least 0, '
                f'got {num_pixels}, {high} and {decay}'
            )
        super().__init__(num_classes, in_channels, *args, **kwargs)
        self.num_pixels, self.high, self.pick = num_pixels, high, pick
        self.local_weight, self.global_weight, self.decay = local_weight, global_weight, decay
        self.register_buffer('centres', torch.zeros(num_classes, in_channels))
        self.register_buffer('counts', torch.zeros(num_classes, dtype=torch.int64))
        self.register_load_state_dict_pre_hook(_start_without_centres)

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[LocDataSample], **kwargs: Any) -> dict[str, Tensor]:
        """Compute the losses and then, in training, move the centres.

        Args:
            feats: The backbone's output.
            data_samples: Samples with ``gt_label``: pairs of one class, one
                after the other. In several processes each has as many.
            **kwargs: Further arguments of the classification loss.

        Returns:
            ``loss_cls``, ``loss_local``, ``loss_global`` and those of
            ``extra_losses``.

        Raises:
            ValueError: If the samples have soft labels or are no such pairs.
        """
        labels = self.true_labels(data_samples)
        if len(labels) % 2:
            raise ValueError(
                f'{type(self).__name__} needs pairs of images, got {len(labels)}: set train_dataloader.batch_size to '
                'an even number'
            )
        if not torch.equal(labels[::2], labels[1::2]):
            raise ValueError(
                f'{type(self).__name__} needs pairs of images of one class: set train_dataloader.sampler.type to '
                'ClassPairSampler'
            )
        classes, hidden = labels[::2], self.prepare(feats)
        losses = self._get_loss(self.logits(hidden), data_samples, **kwargs)
        losses['loss_cls'] = losses.pop('loss')

        maps = self.maps(hidden.detach(), labels.unsqueeze(1))['semantic'][:, 0]
        places = pick_object_pixels(maps, self.num_pixels, self.high, at_random=self.pick == 'random')
        features = self.pre_logits(feats).flatten(2)
        pixels = full_precision(features.gather(2, places.unsqueeze(1).expand(-1, features.shape[1], -1)))
        pairs = pixels.mT.unflatten(0, (-1, 2))  # (P, 2, n, D)
        means = pairs.mean(dim=(1, 2))
        losses['loss_local'] = self.local_weight * local_consistency(pairs)
        losses['loss_global'] = self.global_weight * global_consistency(
            means, self.centres[classes], self.counts[classes] > 0
        )
        if self.training:
            self._move_centres(classes, means.detach())
        return {**losses, **self.extra_losses(hidden, data_samples)}

    def _move_centres(self, classes: Tensor, means: Tensor) -> None:
        """Move the centres to the means of all processes' pairs, one pair of a class after the other."""
        # The sampler deals pairs out in turn: this is their order in the batch of one process.
        both = (each.contiguous() for each in (classes, means))  # NCCL takes no others
        classes, means = (torch.stack(all_gather(each), dim=1).flatten(0, 1) for each in both)
        earlier = (classes[:, None] == classes).tril(-1).sum(dim=1)
        for turn in range(int(earlier.max()) + 1):
            now = earlier == turn
            moved = classes[now]
            rates = torch.exp(-self.decay * self.counts[moved].to(self.centres)).unsqueeze(1)
            self.centres[moved] = self.centres[moved].lerp(means[now].to(self.centres), rates)
            self.counts[moved] += 1


def pick_object_pixels(maps: Tensor, num: int, high: float, at_random: bool) -> Tensor:
    """Pick pixels of each image where its map is high.

    Args:
        maps: ``(B, h, w)`` maps of the true classes.
        num: Number of pixels. An image with fewer that are high gives these
            again and again, a flat map a single one.
        high: Value above which the map, min-max normalised, is high.
        at_random: Whether to draw them; else the first are picked, row by row.

    Returns:
        ``(B, num)`` ``int64`` places in the flattened map.
    """
    on_object = normalize_maps(maps).flatten(1) > high
    rank = torch.rand(on_object.shape, device=maps.device) if at_random else torch.zeros_like(maps).flatten(1)
    order = (rank + ~on_object).argsort(dim=1, stable=True)  # those on the object first
    turns = torch.arange(num, device=maps.device) % on_object.sum(dim=1, keepdim=True).clamp(min=1)
    return order.gather(1, turns)


def local_consistency(pairs: Tensor) -> Tensor:
    """Distance between the pixels of the two images of a pair, each with its counterpart.

    Args:
        pairs: ``(P, 2, n, D)`` features of n pixels of both images.

    Returns:
        The mean over pairs and pixels of the Euclidean distance, in which
        1e-6 is added to each difference.
    """
    return F.pairwise_distance(pairs[:, 0], pairs[:, 1], eps=1e-6).mean()


def global_consistency(means: Tensor, centres: Tensor, known: Tensor) -> Tensor:
    """Distance of the pairs' mean features from the centres of their classes.

    Args:
        means: ``(P, D)``.
        centres: ``(P, D)``, which get no gradient.
        known: ``(P,)`` whether the class has a centre yet.

    Returns:
        The mean over all pairs of the Euclidean distance, 0 for those whose
        class has none.
    """
    return (torch.linalg.vector_norm(means - centres, dim=1) * known).mean()


def _start_without_centres(head: I2CHead, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Complete the state of a CAM, which has no centres, before it is loaded."""
    for name in ('centres', 'counts'):
        state_dict.setdefault(prefix + name, torch.zeros_like(getattr(head, name)))
