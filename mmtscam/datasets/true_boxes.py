"""The true boxes of a data set as a COCO file, for detectors and their metrics."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mmengine.dataset import BaseDataset

from mmtscam.datasets.coco import COCOOutput, coco_annotation, coco_categories
from mmtscam.utils.annotated_size import look_at_size


def write_true_boxes(
    dataset: BaseDataset,
    output: COCOOutput,
    class_agnostic: bool = False,
    track: Callable[[Iterable], Iterable] = iter,
) -> dict[str, int]:
    """Write the true boxes of a data set.

    Args:
        dataset: Its rows have ``img_path``, ``img_id``, ``image_id`` and
            ``instances``, as those of
            :class:`~mmtscam.datasets.WSOLDataset`.
        output: Place of the file. The ids of its images are their ``img_id``:
            mmdet's ``CocoMetric`` looks for them by this number.
        class_agnostic: Whether every box is of the one class ``object``.
        track: Shows the progress of an iterable.

    Returns:
        Numbers of ``images`` and ``boxes``, and of images with an EXIF
        orientation (``turned``). Detectors of mmdet turn such images, and
        boxes that were annotated on the stored image then do not fit.

    Raises:
        FileExistsError: If the file is there already.
        ValueError: If an image has no boxes, cannot be read, was annotated at
            another size, or cannot be copied in the output's layout.
    """
    output.check((info['image_id'], info['img_path']) for info in map(dataset.get_data_info, range(len(dataset))))
    first = output.first_category
    counts = {'images': 0, 'boxes': 0, 'turned': 0}
    annotations: list[dict[str, Any]] = []

    def images() -> Iterator[dict[str, Any]]:
        for index in track(range(len(dataset))):
            info = dataset.get_data_info(index)
            if 'instances' not in info:
                raise ValueError(f'{info["img_path"]}: the data set has no boxes; set dataset.boxes in its config')
            size, turned = look_at_size(info)
            counts['images'] += 1
            counts['turned'] += turned
            for instance in info['instances']:
                counts['boxes'] += 1
                label = 0 if class_agnostic else int(instance['bbox_label'])
                annotations.append(
                    coco_annotation(counts['boxes'], info['img_id'], label, instance['bbox'], None, first)
                )
            yield dict(
                id=info['img_id'], file_name=info['image_id'], width=size[0], height=size[1], path=info['img_path']
            )

    classes = ('object',) if class_agnostic else dataset.metainfo['classes']
    output.write(
        info=dict(description='true boxes, as annotated'),
        categories=coco_categories(classes, first),
        images=images(),
        annotations=annotations,
    )
    return counts
