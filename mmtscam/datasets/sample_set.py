"""Draws a small data set in CUB-200-2011's layout.

It shows creatures on cluttered backgrounds. Body texture and one part tell
their class; position, scale, aspect and pose vary. Every pixel is a function
of the seed: nothing is downloaded, and nobody's picture is used.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmtscam.utils.files import unfinished_folder

Array = np.ndarray
_SUPERSAMPLING = 2

# Which of two body colours a point (u, v) has; the body is the unit disc.
_PATTERNS: dict[str, Callable[[Array, Array], Array]] = {
    'stripes': lambda u, v: np.sin(9 * u) > 0,
    'bands': lambda u, v: np.sin(8 * v) > 0,
    'dots': lambda u, v: np.cos(8 * u) * np.cos(8 * v) > 0.25,
    'checks': lambda u, v: np.sin(7 * u) * np.sin(7 * v) > 0,
    'rings': lambda u, v: np.sin(10 * np.hypot(u, v)) > 0,
    'saddle': lambda u, v: np.abs(u) < 0.45,
    'diagonals': lambda u, v: np.sin(7 * (u + v)) > 0,
    'halves': lambda u, v: v > 0,
}

# The part on the head, as polygons in units of the head's radius; the
# creature looks along +x and y points down.
_PARTS: dict[str, list[list[tuple[float, float]]]] = {
    'crest': [[(-0.8, -0.5), (-1.3, -2.0), (-0.2, -0.9)], [(-0.2, -0.9), (0.0, -2.2), (0.6, -0.7)]],
    'horn': [[(0.2, -0.8), (1.2, -2.6), (0.8, -0.5)]],
    'ears': [
        [(-0.9, -0.4), (-1.5, -1.6), (-0.8, -2.2), (-0.2, -0.9)],
        [(0.1, -0.9), (0.4, -2.2), (1.1, -1.8), (0.9, -0.4)],
    ],
    'beak': [[(0.7, -0.4), (2.8, 0.2), (0.7, 0.5)]],
    'trunk': [[(0.7, -0.4), (1.6, -0.1), (2.0, 1.9), (1.4, 2.0), (0.9, 0.6)]],
    'antennae': [
        [(0.0, -0.9), (0.7, -2.6), (1.0, -2.5), (0.3, -0.8)],
        [(-0.5, -0.9), (-0.6, -2.6), (-0.2, -2.6), (-0.2, -0.9)],
    ],
    'frill': [[(-0.2, -1.0), (-1.6, -1.5), (-1.9, 0.0), (-1.5, 1.4), (-0.2, 1.0)]],
    'visor': [[(-0.9, -0.6), (-0.2, -1.5), (0.9, -1.2), (1.9, -0.6)]],
}


@dataclass(frozen=True)
class _Kind:
    """The marks of a class: two body colours (RGB), a pattern and a part."""

    name: str
    light: tuple[int, int, int]
    dark: tuple[int, int, int]
    pattern: str
    part: str


_KINDS = (
    _Kind('Crested_Zeb', (245, 240, 230), (40, 40, 60), 'stripes', 'crest'),
    _Kind('Horned_Ember', (250, 190, 60), (200, 50, 30), 'bands', 'horn'),
    _Kind('Eared_Mallow', (240, 170, 220), (150, 40, 140), 'dots', 'ears'),
    _Kind('Billed_Lagoon', (90, 220, 240), (20, 70, 190), 'checks', 'beak'),
    _Kind('Trunked_Fern', (190, 240, 80), (30, 130, 50), 'rings', 'trunk'),
    _Kind('Feelered_Plum', (170, 140, 250), (70, 30, 140), 'saddle', 'antennae'),
    _Kind('Frilled_Coral', (255, 150, 130), (60, 120, 130), 'diagonals', 'frill'),
    _Kind('Visored_Wasp', (250, 235, 60), (50, 45, 30), 'halves', 'visor'),
)

SAMPLE_CLASSES: tuple[str, ...] = tuple(kind.name for kind in _KINDS)


def make_sample_set(root: str | os.PathLike, per_class: tuple[int, int] = (90, 30), seed: int = 0) -> Path:
    """Draw the sample set, unless it is there already.

    Args:
        root: Folder to create, in CUB-200-2011's layout: ``images.txt``,
            ``image_class_labels.txt``, ``train_test_split.txt``,
            ``bounding_boxes.txt``, ``classes.txt`` and ``images/``.
        per_class: Numbers of training and test images a class.
        seed: Seed of all random choices.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder is there but holds no sample set with
            these arguments.
    """
    root = Path(root)
    description = f'mmtscam sample set: per_class={tuple(per_class)} seed={seed}\n'
    if root.exists():
        readme = root / 'README'
        if readme.is_file() and readme.read_text(encoding='utf-8') == description:
            return root
        raise FileExistsError(f'{root}: is there, but is not this sample set; remove it or name another folder')

    with unfinished_folder(root) as folder:
        _draw_set(folder, per_class, seed)
        (folder / 'README').write_text(description, encoding='utf-8')
    return root


def _draw_set(root: Path, per_class: tuple[int, int], seed: int) -> None:
    """Draw all images into a folder, and write what is known of them."""
    rows: dict[str, list[str]] = {
        name: [] for name in ('images', 'image_class_labels', 'train_test_split', 'bounding_boxes')
    }
    index = 0
    for label, kind in enumerate(_KINDS):
        folder = root / 'images' / f'{label + 1:03d}.{kind.name}'
        folder.mkdir(parents=True)
        for number in range(sum(per_class)):
            image, box = draw_creature(label, np.random.default_rng([seed, label, number]))
            index += 1
            path = folder / f'{kind.name}_{number + 1:04d}.jpg'
            Image.fromarray(image).save(path, quality=92)
            rows['images'].append(f'{index} {folder.name}/{path.name}')
            rows['image_class_labels'].append(f'{index} {label + 1}')
            rows['train_test_split'].append(f'{index} {int(number < per_class[0])}')
            rows['bounding_boxes'].append(f'{index} ' + ' '.join(f'{value:.1f}' for value in box))
    rows['classes'] = [f'{label + 1} {label + 1:03d}.{kind.name}' for label, kind in enumerate(_KINDS)]
    for name, lines in rows.items():
        (root / f'{name}.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def draw_creature(label: int, rng: np.random.Generator) -> tuple[Array, tuple[int, int, int, int]]:
    """Draw one image.

    Args:
        label: Index of the class.
        rng: Source of all random choices.

    Returns:
        ``(H, W, 3)`` ``uint8`` RGB image and the tight box ``(x, y, width,
        height)`` around the creature, in pixels.
    """
    kind = _KINDS[label]
    width, height = (int(side) for side in rng.integers(112, 177, 2))
    large = (width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    canvas = _draw_background(large, rng)
    creature, mask = _draw_body(kind, large, rng)
    canvas[mask] = creature[mask]
    image = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    covered = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) >= 0.5
    noisy = image + rng.normal(0, 5, image.shape)
    x, y, box_width, box_height = cv2.boundingRect(covered.astype(np.uint8))
    return np.clip(noisy, 0, 255).astype(np.uint8), (x, y, box_width, box_height)


def _draw_background(size: tuple[int, int], rng: np.random.Generator) -> Array:
    """Smooth noise of several scales in muted colours, with clutter on it."""
    width, height = size
    texture = np.zeros((height, width), np.float32)
    for cells in (3, 8, 20, 48):
        noise = rng.normal(size=(cells, cells)).astype(np.float32)
        texture += cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC) / np.sqrt(cells)
    texture = (texture - texture.min()) / (texture.max() - texture.min())
    low, high = (_muted_color(rng) for _ in range(2))
    canvas = low + texture[..., None] * (high - low)
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(8, 16)):
        color = _muted_color(rng).tolist()
        center = rng.uniform(0, 1, 2) * size
        if rng.random() < 0.5:
            points = center + rng.normal(0, 0.07, (int(rng.integers(3, 7)), 2)) * max(size)
            cv2.fillConvexPoly(canvas, cv2.convexHull(points.astype(np.int32)), color, cv2.LINE_AA)
        else:
            end = center + rng.normal(0, 0.25, 2) * max(size)
            thickness = int(rng.integers(2, 9))
            cv2.line(canvas, center.astype(int).tolist(), end.astype(int).tolist(), color, thickness, cv2.LINE_AA)
    return canvas


def _muted_color(rng: np.random.Generator) -> Array:
    grey = rng.uniform(50, 200)
    return np.clip(grey + rng.normal(0, 16, 3), 20, 235)


def _draw_body(kind: _Kind, size: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
    """The creature on an empty canvas, and the mask of its pixels."""
    width, height = size
    # Half axes of the body, its pose and place.
    long_axis = rng.uniform(0.11, 0.28) * min(size)
    short_axis = long_axis * rng.uniform(0.55, 0.9)
    tilt = rng.uniform(-0.5, 0.5)
    facing = rng.choice([-1.0, 1.0])
    margin = 1.1 * long_axis
    center = np.array([rng.uniform(margin, width - margin), rng.uniform(margin, height - margin)])
    along = np.array([np.cos(tilt) * facing, np.sin(tilt)])
    down = np.array([-np.sin(tilt) * facing, np.cos(tilt)])
    jitter = rng.normal(0, 12, 3)
    light, dark = (np.clip(np.array(color) + jitter, 0, 255) for color in (kind.light, kind.dark))

    canvas = np.zeros((height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)

    def place(points: list[tuple[float, float]]) -> Array:
        """Bring points from units of the half axes to pixels."""
        return center + np.array(points) @ np.stack([along * long_axis, down * short_axis])

    def fill(points: Array, color: Array) -> None:
        polygon = [np.round(points).astype(np.int32)]
        cv2.fillPoly(canvas, polygon, color.tolist())
        cv2.fillPoly(mask, polygon, 1)

    for leg in (-0.45, 0.45):
        sway = leg + rng.uniform(-0.15, 0.15)
        fill(place([(leg - 0.08, 0.6), (leg + 0.08, 0.6), (sway + 0.08, 1.6), (sway - 0.08, 1.6)]), dark)
    lift = rng.uniform(-0.8, 0.4)
    fill(place([(-0.8, -0.25), (-1.55, lift - 0.3), (-1.6, lift + 0.25), (-0.8, 0.25)]), light)

    ys, xs = np.mgrid[:height, :width]
    offset = np.stack([xs, ys], -1) - center
    u = offset @ along / long_axis
    v = offset @ down / short_axis
    body = u**2 + v**2 <= 1
    shade = (1.05 - 0.2 * v)[..., None]
    texture = np.where(_PATTERNS[kind.pattern](u, v)[..., None], light, dark) * shade
    canvas[body] = np.clip(texture, 0, 255).astype(np.uint8)[body]
    mask[body] = 1

    radius = 0.42 * long_axis
    head = place([(0.95, -0.6)])[0]
    for polygon in _PARTS[kind.part]:
        fill(head + np.array(polygon) @ np.stack([along, down]) * radius, dark)
    cv2.circle(canvas, head.astype(int).tolist(), int(radius), light.tolist(), -1)
    cv2.circle(mask, head.astype(int).tolist(), int(radius), 1, -1)
    eye = head + (0.35 * along - 0.2 * down) * radius
    cv2.circle(canvas, eye.astype(int).tolist(), max(1, int(radius * 0.2)), (15, 15, 15), -1)
    return canvas, mask.astype(bool)
