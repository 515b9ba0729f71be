"""Random COCO files of true and predicted boxes."""

from typing import Any

import numpy as np

CATEGORIES = 4


def make_files(rng: np.random.Generator, images: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Predicted and true boxes of some images.

    The files number images, categories and annotations differently. True boxes
    may lack what COCO's evaluation needs, and some are crowds. Scores tie, or
    are missing. Some images have no box in one file or the other.
    """
    names = [f'{folder}/{number}.jpg' for number, folder in enumerate(rng.choice(['a', 'b'], images))]
    truth, found = _bare(rng, names), _bare(rng, names)
    categories = rng.permutation(CATEGORIES)
    bare = rng.random() < 0.3
    scored, tied = rng.random() < 0.8, rng.random() < 0.5
    for name in names:
        here: list[tuple[int, np.ndarray]] = []
        for _ in range(int(rng.choice([0, 1, 1, 2, 5]))):
            here.append((int(rng.integers(CATEGORIES)), _box(rng)))
            crowd = int(rng.random() < 0.1)
            more = {} if bare and not crowd else dict(iscrowd=crowd, area=float(here[-1][1][2:].prod()))
            _add(truth, name, here[-1], **more)
        for category, box in here:
            for _ in range(int(rng.choice([0, 1, 1, 3]))):
                near = box + rng.choice([0, 0, 0.5, 2, 5], 4) * rng.choice([-1, 1], 4)
                near[:2], near[2:] = np.maximum(near[:2], 0), np.maximum(near[2:], 1)
                label = category if rng.random() < 0.8 else int(rng.integers(CATEGORIES))
                _add(found, name, (label, near), **_score(rng, scored, tied))
        for _ in range(int(rng.choice([0, 0, 1, 4]))):
            _add(found, name, (int(rng.integers(CATEGORIES)), _box(rng)), **_score(rng, scored, tied))
    # The files count their categories in another order and from another number on.
    for content, order, first in ((truth, np.arange(CATEGORIES), 1), (found, categories, 0)):
        content['categories'] = [dict(id=int(place) + first, name=f'c{label}') for label, place in enumerate(order)]
        for each in content['annotations']:
            each['category_id'] = int(order[each['category_id']]) + first
    return found, truth


def detections(found: dict[str, Any], truth: dict[str, Any]) -> list[dict[str, Any]]:
    """Predicted boxes under the ids of the true file, as COCO's evaluation takes them."""
    numbers = {image['file_name']: image['id'] for image in truth['images']}
    images = {image['id']: numbers[image['file_name']] for image in found['images']}
    ids = {each['name']: each['id'] for each in truth['categories']}
    categories = {each['id']: ids[each['name']] for each in found['categories']}
    return [
        dict(
            image_id=images[each['image_id']],
            category_id=categories[each['category_id']],
            bbox=list(each['bbox']),
            score=each.get('score', 1.0),
        )
        for each in found['annotations']
    ]


def _bare(rng: np.random.Generator, names: list[str]) -> dict[str, Any]:
    order = rng.permutation(len(names))
    images = [dict(id=int(place) * 3, file_name=names[place], width=60, height=50) for place in order]
    return dict(images=images, categories=[], annotations=[])


def _add(content: dict[str, Any], name: str, labelled: tuple[int, np.ndarray], **more: Any) -> None:
    image = next(each['id'] for each in content['images'] if each['file_name'] == name)
    label, box = labelled
    number = len(content['annotations']) + 1
    content['annotations'].append(
        dict(id=number, image_id=image, category_id=label, bbox=[float(edge) for edge in box], **more)
    )


def _box(rng: np.random.Generator) -> np.ndarray:
    """x, y, width and height in quarters of pixels."""
    return np.concatenate([rng.integers(0, 160, 2), rng.integers(4, 80, 2)]) / 4


def _score(rng: np.random.Generator, scored: bool, tied: bool) -> dict[str, float]:
    if not scored:
        return {}
    return dict(score=float(rng.choice([0.25, 0.5, 0.75]) if tied else rng.random()))
