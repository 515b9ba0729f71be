"""The WSOL benchmark's own evaluator and folders in its layout."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

LEVELS = (30, 50, 70)


def write_metadata(folder: Path, ids: list[str], sizes: Iterable[tuple[int, int]], rows: Iterable[str]) -> None:
    """The text files of a split; ``rows`` are those of ``localization.txt``."""
    folder.mkdir(parents=True)
    for name, lines in (
        ('image_ids', ids),
        ('class_labels', [f'{name},{place % 3}' for place, name in enumerate(ids)]),
        ('image_sizes', [f'{name},{width},{height}' for name, (width, height) in zip(ids, sizes, strict=True)]),
        ('localization', rows),
    ):
        (folder / f'{name}.txt').write_text('\n'.join(lines) + '\n')


def box_rows(ids: list[str], boxes: Iterable[np.ndarray]) -> list[str]:
    """Rows of ``localization.txt`` for boxes of whole numbers, as the benchmark reads them."""
    rows = []
    for name, some in zip(ids, boxes, strict=True):
        assert (some == some.astype(int)).all()
        rows += [','.join([name, *map(str, box)]) for box in some.astype(int).tolist()]
    return rows


def write_map(folder: Path, image_id: str, score_map: np.ndarray) -> None:
    """A score map as the benchmark stores it."""
    path = folder / f'{image_id}.npy'
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, score_map)


def read_map(folder: Path, image_id: str) -> np.ndarray:
    """A stored map in double precision, as the benchmark takes it."""
    return np.load(folder / f'{image_id}.npy').astype(np.float64)


def as_the_benchmark_normalizes(benchmark: SimpleNamespace, tokens: np.ndarray) -> np.ndarray:
    """A map at token resolution on the benchmark's way to a score map."""
    framed = cv2.resize(tokens.astype(np.float64), (224, 224), interpolation=cv2.INTER_CUBIC)
    return benchmark.inference.normalize_scoremap(framed)


def _evaluator(benchmark: SimpleNamespace, kind: str, metadata: Path, **options: Any) -> Any:
    evaluation = benchmark.evaluation
    return getattr(evaluation, kind)(
        metadata=evaluation.configure_metadata(str(metadata)),
        split='test',
        cam_threshold_list=list(np.arange(0, 1, 0.001)),
        iou_threshold_list=list(LEVELS),
        **options,
    )


def correct_images(
    benchmark: SimpleNamespace, metadata: Path, maps: Iterable[tuple[str, np.ndarray]], several_contours: bool
) -> tuple[np.ndarray, list[float]]:
    """``(3, 1000)`` numbers of images that are right, and MaxBoxAcc at each IoU level."""
    options = dict(dataset_name='CUB', mask_root='', multi_contour_eval=several_contours)
    evaluator = _evaluator(benchmark, 'BoxEvaluator', metadata, **options)
    for image_id, score_map in maps:
        evaluator.accumulate(score_map, image_id)
    best = evaluator.compute()
    return np.array([evaluator.num_correct[level] for level in LEVELS]).astype(int), best


def pxap(benchmark: SimpleNamespace, metadata: Path, mask_root: Path, maps: Iterable[tuple[str, np.ndarray]]) -> float:
    """PxAP in percent."""
    options = dict(dataset_name='OpenImages', mask_root=str(mask_root), multi_contour_eval=False)
    evaluator = _evaluator(benchmark, 'MaskEvaluator', metadata, **options)
    for image_id, score_map in maps:
        evaluator.accumulate(score_map, image_id)
    return float(evaluator.compute())
