"""Several views of each image: the test pipeline, and what it gives."""

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config

from .config import config_name, patch_step, type_name

# A second size, whose patches are two ninths smaller.
_LARGER = 9 / 7


def pipeline_of_views(
    steps: Sequence[dict], tta: bool = False, ten_crop: bool = False, zoom: bool = False, patch_size: int = 1
) -> list[dict[str, Any]]:
    """Let a test pipeline make views of an image in place of the image.

    Args:
        steps: Configs of a test pipeline, with or without its loader. It has a
            ``Resize``, or begins with ``LoadResizedImage``, and ends in
            ``PackLocInputs``.
        tta: Whether there are a view in a second size, 9/7 of the first one,
            and mirrored views.
        ten_crop: Whether ten crops classify.
        zoom: Whether the model looks at the object once more, closer.
        patch_size: Sizes are rounded to multiples of it.

    Returns:
        Configs of the new pipeline.

    Raises:
        ValueError: If the pipeline has no step that resizes to one size, or
            both ten crops and the closer look are to classify.
    """
    if untyped := [step for step in steps if 'type' not in step]:
        raise ValueError(f'a step of the test pipeline has no type: {untyped[0]}')
    steps = load_then_resize(steps)
    if ten_crop and zoom:
        raise ValueError('ten crops and the closer look both classify: choose one of --ten-crop and --zoom')
    places = [place for place, step in enumerate(steps) if type_name(step['type']) == 'Resize' and 'scale' in step]
    if len(places) != 1 or steps[places[0]].get('keep_ratio'):
        raise ValueError(
            'test-time augmentation needs a test pipeline with one Resize that has a scale and no keep_ratio: its '
            'views are in sizes of their own'
        )
    (place,) = places
    resize = steps[place]
    scale = resize['scale']
    first = _size(scale)
    second = tuple(max(round(edge * _LARGER / patch_size), 1) * patch_size for edge in first)
    views = dict(
        type='mmtscam.LocViews',
        resize=resize,
        sizes=[first, second] if tta else [first],
        flip=tta,
        ten_crop=ten_crop,
        zoom=zoom,
        steps=steps[place + 1 :],
    )
    return [*steps[:place], views]


def _size(scale: Any) -> tuple[int, int]:
    """Width and height of a step that resizes.

    Raises:
        ValueError: If they are none.
    """
    sides = (scale, scale) if isinstance(scale, int) else scale
    if not (isinstance(sides, list | tuple) and len(sides) == 2 and all(_is_side(side) for side in sides)):
        raise ValueError(f'the scale of a step of the test pipeline must be a width and a height, got {scale!r}')
    width, height = sides
    return width, height


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and 0 < value < 1 << 16


def load_then_resize(steps: Sequence[dict]) -> list[dict[str, Any]]:
    """Give a pipeline two steps with the same pixels in place of a ``LoadResizedImage`` at its beginning.

    Args:
        steps: Configs of a pipeline.

    Returns:
        Copies of them.
    """
    steps = [step.copy() for step in steps]
    if not steps or type_name(steps[0]['type']) != 'LoadResizedImage':
        return steps
    scale = steps[0].get('scale')
    size = _size(scale)
    load = dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation')
    return [load, dict(type='Resize', scale=size, backend='pillow', interpolation='bilinear'), *steps[1:]]


def use_views(cfg: Config, tta: bool = False, ten_crop: bool = False, zoom: bool = False) -> None:
    """Let a config's test make views of each image; changes the config in place.

    Args:
        cfg: The config. Its own ``tta_pipeline`` is used if it has one.
        tta: See :func:`pipeline_of_views`.
        ten_crop: See :func:`pipeline_of_views`.
        zoom: See :func:`pipeline_of_views`.

    Raises:
        ValueError: If its test pipeline has no place for views, or its own
            ``tta_pipeline`` has not what is asked for.
    """
    if own := cfg.get('tta_pipeline'):
        made = describe_views(own) or {}
        for name, asked in (('ten_crop', ten_crop), ('zoom', zoom)):
            if asked and not made.get(name):
                raise ValueError(
                    f'{config_name(cfg)}: its tta_pipeline makes the views, and it has no {name}: set {name}=True of '
                    'LocViews there'
                )
    step = patch_step(cfg) or 1
    for dataset in _inner(cfg.test_dataloader.dataset):
        dataset.pipeline = own or pipeline_of_views(dataset.get('pipeline', ()), tta, ten_crop, zoom, step)


def _inner(dataset: Any) -> Iterator[Any]:
    """The config of a data set, or those of all that a wrapper such as ``ConcatDataset`` holds."""
    if 'datasets' in dataset:
        for each in dataset.datasets:
            yield from _inner(each)
    elif 'pipeline' not in dataset and 'dataset' in dataset:
        yield from _inner(dataset.dataset)
    else:
        yield dataset


def describe_views(pipeline: Sequence[Any]) -> dict[str, Any] | None:
    """The views that a pipeline makes, as plain values; ``None`` where it makes none.

    Args:
        pipeline: Configs of a test pipeline.
    """
    if not pipeline or not isinstance(pipeline[-1], dict) or type_name(pipeline[-1]['type']) != 'LocViews':
        return None
    views = pipeline[-1]
    return dict(
        sizes=[list(size) for size in views['sizes']],
        flip=views.get('flip', True),
        ten_crop=views.get('ten_crop', False),
        zoom=views.get('zoom', False),
    )


def first_sample(data: dict) -> Any:
    """The sample of a pipeline's result; of several views that of the first one."""
    samples = data['data_samples']
    return samples[0] if isinstance(samples, list) else samples


def input_shapes(data: dict) -> tuple:
    """The shapes of a pipeline's inputs, one of each view."""
    inputs = data['inputs']
    return tuple(view.shape for view in (inputs if isinstance(inputs, list) else [inputs]))
