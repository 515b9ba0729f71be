"""The baseline: TS-CAM and SAT, their evaluation and training written out plainly.

It follows the formulas line by line, as a simple script would: softmax
attention with its matrices, which are kept and stacked for all blocks, coupled
maps of all classes, and boxes image by image and class by class. It serves
only for comparisons.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

Box = tuple[int, int, int, int]


class PlainBlock(nn.Module):
    """A transformer block that returns its attention matrix too.

    Args:
        width: Width D of a token.
        heads: Number of attention heads K.
        hidden: Width of the hidden layer of the MLP.
        drop_path: Probability that a residual path is dropped for an image
            while training.

    Attributes:
        gated: Whether the last token gates attention (SAT).
    """

    def __init__(self, width: int, heads: int, hidden: int, drop_path: float) -> None:
        super().__init__()
        self.heads = heads
        self.drop_path = drop_path
        self.gated = False
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict(dict(qkv=nn.Linear(width, 3 * width), proj=nn.Linear(width, width)))
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict(dict(fc1=nn.Linear(width, hidden), fc2=nn.Linear(hidden, width)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Attend.

        Args:
            x: ``(B, N, D)`` tokens.

        Returns:
            Tokens ``(B, N, D)``, attention ``(B, K, N, N)`` and, in a gated
            block, the last token's gates ``(B, N)``.
        """
        batch, tokens, width = x.shape
        qkv = self.attn['qkv'](self.norm1(x))
        query, key, value = qkv.reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        logits = (query @ key.transpose(-2, -1)) * (width // self.heads) ** -0.5
        attention = logits.softmax(dim=-1)
        gates, weights = None, attention
        if self.gated:
            gates = torch.sigmoid(logits[:, :, -1].mean(dim=1))
            weights = attention * gates[:, None, None]
        attended = (weights @ value).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self._drop(self.attn['proj'](attended))
        x = x + self._drop(self.mlp['fc2'](F.gelu(self.mlp['fc1'](self.norm2(x)))))
        return x, attention, gates

    def _drop(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return x
        keep = 1 - self.drop_path
        mask = (keep + torch.rand(len(x), 1, 1, dtype=x.dtype, device=x.device)).floor()
        return x / keep * mask


class PlainTSCAM(nn.Module):
    """TS-CAM on a plain vision transformer, with the parameter names of the released models.

    Args:
        width: Width D of a token.
        heads: Number of attention heads K.
        hidden: Width of the hidden layer of the MLPs.
        drop_paths: Drop path of each block.
        classes: Number of classes C.
        patch: Side of a patch in pixels.
        positions: Number of position embeddings, 1 + h x w; the size of the
            input is therefore fixed.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        drop_paths: Sequence[float],
        classes: int,
        patch: int,
        positions: int,
    ) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict(dict(proj=nn.Conv2d(3, width, patch, patch)))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, width))
        self.blocks = nn.ModuleList([PlainBlock(width, heads, hidden, drop) for drop in drop_paths])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Conv2d(width, classes, kernel_size=3, padding=1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute logits and, in evaluation, the coupled maps of all classes.

        Args:
            images: ``(B, 3, H, W)`` normalised images.

        Returns:
            Logits ``(B, C)`` and maps ``(B, C, h, w)``. While training the
            attention matrices are kept too, but there are no maps.
        """
        logits, semantic, attentions, _ = self.run_blocks(images)
        return logits, None if self.training else self.couple(attentions, semantic)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of normalised images ``(B, 3, H, W)`` and labels ``(B,)``."""
        return F.cross_entropy(self(images)[0], labels)

    def embed(self, patches: Tensor) -> Tensor:
        """Add the class token and positions to patch tokens ``(B, h w, D)``."""
        return torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1) + self.pos_embed

    def run_blocks(self, images: Tensor) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
        """Return logits, semantic maps ``(B, C, h, w)``, attention of the blocks, and gates of gated ones."""
        x = self.patch_embed['proj'](images)
        batch, width, rows, columns = x.shape
        x = self.embed(x.flatten(2).transpose(1, 2))
        attentions, all_gates = [], []
        for block in self.blocks:
            x, attention, gates = block(x)
            attentions.append(attention)
            if gates is not None:
                all_gates.append(gates[:, 1 : 1 + rows * columns].reshape(batch, rows, columns))
        x = self.norm(x)
        patches = x[:, 1 : 1 + rows * columns].transpose(1, 2).reshape(batch, width, rows, columns).contiguous()
        semantic = self.head(patches)
        logits = F.adaptive_avg_pool2d(semantic, 1).squeeze(3).squeeze(2)
        return logits, semantic, attentions, all_gates

    def couple(self, attentions: list[Tensor], semantic: Tensor) -> Tensor:
        """Coupled maps ``(B, C, h, w)``; the released code sums over blocks too, and the paper averages."""
        batch, _, rows, columns = semantic.shape
        stacked = torch.stack(attentions)  # (L, B, K, N, N)
        joint = stacked.mean(dim=2).sum(dim=0)  # (B, N, N)
        return joint[:, 0, 1 : 1 + rows * columns].reshape(batch, 1, rows, columns) * semantic


class PlainSAT(PlainTSCAM):
    """SAT on a plain vision transformer, with the parameter names of the released models.

    Args:
        gated: Number of the last blocks that the spatial token gates.
        area: Mean area at which the foreground is held.
        **kwargs: Arguments of :class:`PlainTSCAM`.
    """

    weight: Tensor

    def __init__(self, gated: int, area: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.area = area
        self.loc_token = nn.Parameter(torch.zeros_like(self.cls_token))
        self.loc_embed = nn.Parameter(torch.zeros_like(self.cls_token))
        self.register_buffer('weight', torch.zeros(1, 1, 3, 3))
        for block in list(self.blocks)[-gated:]:
            assert isinstance(block, PlainBlock)
            block.gated = True

    def embed(self, patches: Tensor) -> Tensor:
        """Add class token, positions and the spatial token to patch tokens ``(B, h w, D)``."""
        spatial = (self.loc_token + self.loc_embed).expand(len(patches), -1, -1)
        return torch.cat([super().embed(patches), spatial], dim=1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute logits and the foreground map, in evaluation also the coupled maps of all classes.

        Args:
            images: ``(B, 3, H, W)`` normalised images.

        Returns:
            Logits ``(B, C)`` and maps: in training ``(B, h, w)``, in
            evaluation ``(B, C, h, w)``, the same for each class.
        """
        logits, semantic, attentions, gates = self.run_blocks(images)
        foreground = torch.stack(gates).mean(dim=0)
        if self.training:
            return logits, foreground
        self.couple(attentions, semantic)  # to be looked at, as in our prediction
        return logits, foreground.unsqueeze(1).repeat(1, semantic.shape[1], 1, 1)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Sum of SAT's three losses."""
        logits, foreground = self(images)
        blurred = F.conv2d(foreground.unsqueeze(1), self.weight, padding=1)
        area, norm = (foreground.mean() - self.area).abs(), (blurred * (1 - blurred)).mean()
        return F.cross_entropy(logits, labels) + area + norm


def plain_normalize(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Normalise ``(B, 3, H, W)`` RGB images in [0, 255] with the mean and deviation of each colour."""
    offset = torch.tensor(mean, device=images.device).view(1, 3, 1, 1)
    scale = torch.tensor(std, device=images.device).view(1, 3, 1, 1)
    return (images.float() - offset) / scale


def plain_box(score_map: np.ndarray, threshold: float, size: int = 224) -> Box:
    """Draw a box around the largest contour of a map.

    Args:
        score_map: ``(h, w)`` float array.
        threshold: Pixels above this share of the maximum are foreground.
        size: Side of the square frame in pixels.

    Returns:
        ``(x1, y1, x2, y2)`` in the frame.
    """
    score_map = cv2.resize(score_map, (size, size))
    score_map = (score_map - score_map.min()) / (score_map.max() - score_map.min())
    grey = (score_map * 255).astype(np.uint8)
    _, foreground = cv2.threshold(grey, int(threshold * grey.max()), 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if len(contours) == 0:
        return 0, 0, 1, 1
    x, y, width, height = cv2.boundingRect(max(contours, key=cv2.contourArea))
    return x, y, x + width, y + height


def plain_iou(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes of inclusive pixels."""
    width = min(first[2], second[2]) - max(first[0], second[0]) + 1
    height = min(first[3], second[3]) - max(first[1], second[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def plain_truth(box: Sequence[float], image_size: tuple[int, int], size: int = 224) -> Box:
    """Bring a true box from an image of ``(width, height)`` to the square frame."""
    x1, y1, width, height = int(box[0]), int(box[1]), int(box[2] - box[0]), int(box[3] - box[1])
    left, top = int(x1 / image_size[0] * size), int(y1 / image_size[1] * size)
    right, bottom = int((x1 + width) / image_size[0] * size), int((y1 + height) / image_size[1] * size)
    return left, top, min(right, size - 1), min(bottom, size - 1)


def plain_score(
    logits: np.ndarray,
    maps: np.ndarray,
    labels: Sequence[int],
    truth: Sequence[Sequence[float]],
    image_sizes: Sequence[tuple[int, int]],
    threshold: float,
) -> tuple[list[list[Box]], Counter]:
    """Draw boxes of the Top-5 and the true classes, and count the images that are right.

    Args:
        logits: ``(B, C)``.
        maps: ``(B, C, h, w)``.
        labels: True class of each image.
        truth: True box of each image, in its own pixels.
        image_sizes: ``(width, height)`` of each image.
        threshold: See :func:`plain_box`.

    Returns:
        The boxes of each image's Top-5 classes, best first, and the numbers
        of images that are right by ``cls_top1``, ``cls_top5``, ``loc_top1``,
        ``loc_top5`` and ``gt_known``, with the names of ``LocAccuracy``.
    """
    all_boxes, right = [], Counter(cls_top1=0, cls_top5=0, loc_top1=0, loc_top5=0, gt_known=0)
    for image, label in enumerate(labels):
        true_box = plain_truth(truth[image], image_sizes[image])
        top5 = np.argsort(-logits[image])[:5]
        boxes = []
        for rank, chosen in enumerate(top5):
            box = plain_box(maps[image, chosen], threshold)
            boxes.append(box)
            if chosen == label:
                hit = plain_iou(box, true_box) > 0.5
                right['cls_top1'] += rank == 0
                right['loc_top1'] += rank == 0 and hit
                right['cls_top5'] += 1
                right['loc_top5'] += hit
        box = plain_box(maps[image, label], threshold)
        right['gt_known'] += plain_iou(box, true_box) >= 0.5
        all_boxes.append(boxes)
    return all_boxes, right


def plain_train_step(
    model: PlainTSCAM,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
) -> float:
    """Train on a batch of normalised images ``(B, 3, H, W)`` and labels ``(B,)``; return the loss."""
    loss = model.loss(images, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def plain_load(path: str, resize: tuple[int, int], crop: int | None, flip: bool) -> Tensor:
    """Load an image for training.

    Args:
        path: Image file.
        resize: ``(width, height)`` to resize to.
        crop: Side of the square to crop at random, ``None`` for none.
        flip: Whether every second image is mirrored.

    Returns:
        ``(3, H, W)`` RGB ``uint8``.
    """
    image = Image.open(path).convert('RGB').resize(resize, Image.Resampling.BILINEAR)
    if crop is not None:
        left = int(torch.randint(image.width - crop + 1, ()))
        top = int(torch.randint(image.height - crop + 1, ()))
        image = image.crop((left, top, left + crop, top + crop))
    if flip and torch.rand(()) < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
