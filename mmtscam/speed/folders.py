"""The cost of reading a folder of images and of writing what was predicted, beside predicting alone."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmtscam.apis import LocInferencer
from mmtscam.apis.pipelines import image_pipeline
from mmtscam.datasets.coco import COCOOutput
from mmtscam.engine.memory import keep_freed_memory
from mmtscam.models.heads import LocSettings
from mmtscam.pseudo_labels import LabelSettings, PartFolder, folder_rows, label_parts
from mmtscam.utils.config import read_config
from mmtscam.utils.images import list_images
from mmtscam.utils.timing import in_turn, seconds

_LABELS = LabelSettings('predicted', score_thr=0.5)


class FolderCost(NamedTuple):
    """The time of going through a folder.

    Attributes:
        name: The tool that does it.
        alone: Seconds of predicting the images that are in memory already, in
            each round.
        whole: Seconds of the tool, in each round.
    """

    name: str
    alone: list[float]
    whole: list[float]


def compare_folder(
    config: str,
    checkpoint: str,
    folder: str,
    batch_size: int = 16,
    num_workers: int = 2,
    rounds: int = 5,
    cfg_options: dict[str, Any] | None = None,
) -> tuple[int, list[FolderCost]]:
    """Measure :class:`LocInferencer` and :func:`label_parts` on a folder, on the CPU, in turn with predicting alone.

    Args:
        config: Config file.
        checkpoint: Its checkpoint.
        folder: Folder of images, which must fit into memory once resized.
        batch_size: Images a batch.
        num_workers: Threads of the first, and processes of the second, that
            read.
        rounds: How often each is measured, after one run that is not.
        cfg_options: Settings of the config to override.

    Returns:
        The number of images, and the cost of each tool.

    Raises:
        FileNotFoundError: If config, checkpoint or images are missing.
        ValueError: If they do not fit together.
    """
    cfg = read_config(config, cfg_options)
    inferencer = LocInferencer(cfg, checkpoint, 'cpu', show_progress=False, num_workers=num_workers)
    keep_freed_memory()
    paths, model = list_images(folder), inferencer.model
    batches = list(inferencer.preprocess(paths, batch_size))
    rows = folder_rows(folder, None, model.head.num_classes)
    pipeline = image_pipeline(cfg)
    own = model.head.settings

    def alone(settings: LocSettings) -> None:
        for batch in batches:
            for sample in inferencer.forward(batch, settings):
                sample.pred_instances  # noqa: B018 - some heads draw boxes at the first look

    def label() -> None:
        with tempfile.TemporaryDirectory() as place:
            output = COCOOutput(Path(place, 'boxes.json'), 'plain', 'train', 1)
            parts = PartFolder(output, {}, len(rows), len(rows))
            parts.prepare()
            label_parts(model, pipeline, rows, parts, [0], _LABELS, own, batch_size, num_workers)

    tools: list[tuple[str, LocSettings, Callable[[], object]]] = [
        ('image_demo.py', own, partial(inferencer, folder, batch_size=batch_size)),
        ('pseudo_label.py', _LABELS.drawn(own, model.head.num_classes), label),
    ]
    costs = []
    for name, settings, tool in tools:
        ways = [partial(seconds, partial(alone, settings)), partial(seconds, tool)]
        in_turn(ways, 1)  # to warm up
        costs.append(FolderCost(name, *in_turn(ways, rounds)))
    return len(paths), costs
