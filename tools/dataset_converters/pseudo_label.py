"""Label images with predicted boxes, as a COCO file: python tools/dataset_converters/pseudo_label.py CONFIG CHECKPOINT.

Started again after a stop, by any number of processes, it goes on where it was.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtscam.utils.choices import LABELS, SPLITS
from mmtscam.utils.cli import (
    add_cfg_options,
    add_coco_arguments,
    add_launcher_arguments,
    add_model_arguments,
    add_view_arguments,
    check_at_least,
    chosen_views,
    run,
    set_local_rank,
)

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

    from mmtscam.models.heads import LocSettings
    from mmtscam.pseudo_labels import ImageRow, LabelSettings, PartFolder


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument(
        '--data', default='train', help='train, val or test of the config, or a folder of images (default: train)'
    )
    parser.add_argument('--out', required=True, metavar='FILE.json', help='the COCO file, or the folder of a layout')
    add_coco_arguments(parser, 'OUT')
    parser.add_argument(
        '--labels',
        choices=LABELS,
        default='known',
        help="boxes of the image's known class (of a folder: each image lies in one that is named as its class), or "
        'of the predicted classes (default: known)',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        help='score from which on a class gets a box (default: 0.5 for predicted classes, 0 for known ones)',
    )
    parser.add_argument(
        '--min-area',
        type=float,
        metavar='SHARE',
        help='several boxes a class: one of every region with at least this share of the area of the largest',
    )
    parser.add_argument('--class-agnostic', action='store_true', help="let all boxes be of one class, 'object'")
    parser.add_argument(
        '--no-object',
        nargs='+',
        default=[],
        metavar='NAME',
        help='classes, by name or index, whose images show no object: they get no box',
    )
    parser.add_argument('--threshold', type=float, help="for drawing boxes (default: the config's)")
    parser.add_argument('--map-kind', metavar='NAME', help="kind of map to localise with (default: the config's)")
    parser.add_argument('--batch-size', type=int, default=32, help='images a batch (default: 32)')
    parser.add_argument('--num-workers', type=int, default=2, help='processes that read images (default: 2)')
    parser.add_argument(
        '--part-size', type=int, default=1000, help='images a part, which is what a stop can lose (default: 1000)'
    )
    add_view_arguments(parser)
    parser.add_argument('--amp', action='store_true', help='use mixed precision')
    add_cfg_options(parser)
    add_launcher_arguments(parser)
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['batch_size', 'part_size'])
    check_at_least(parser, args, 0, ['num_workers'])
    if args.score_thr is None:
        args.score_thr = 0.5 if args.labels == 'predicted' else 0.0
    if args.launcher == 'none' and int(os.environ.get('WORLD_SIZE', '1')) > 1:
        parser.error('started by torchrun: add --launcher pytorch')
    return args


def read_rows(args: argparse.Namespace, cfg: 'Config', classes: Sequence[str], count: int) -> 'Sequence[ImageRow]':
    """The images to label; those of a split come with the names of their classes."""
    from mmtscam.pseudo_labels import DatasetRows, folder_rows

    if args.data in SPLITS:
        return DatasetRows(cfg, args.data)
    if not Path(args.data).is_dir():
        raise FileNotFoundError(f'--data {args.data}: neither {", ".join(SPLITS)} nor a folder')
    return folder_rows(args.data, classes if args.labels == 'known' else None, count)


def main() -> None:
    args = parse_args()
    set_local_rank(args)
    try:
        label(args)
    except KeyboardInterrupt:
        raise KeyboardInterrupt('Stopped; the same command goes on with the parts that are missing') from None


def label(args: argparse.Namespace) -> None:
    """Label the missing parts, wait for all processes that share the work, and write the file."""
    from mmengine.device import get_device
    from mmengine.dist import barrier, get_dist_info
    from rich.progress import Progress

    from mmtscam.apis.loading import check_localises, class_names, load_model
    from mmtscam.apis.pipelines import image_pipeline
    from mmtscam.datasets.coco import COCOOutput
    from mmtscam.engine.launch import start_processes
    from mmtscam.engine.memory import keep_freed_memory
    from mmtscam.engine.precision import amp_dtype
    from mmtscam.models import LocTTAModel
    from mmtscam.pseudo_labels import LabelSettings, PartFolder, label_parts, rows_digest
    from mmtscam.utils.class_names import find_class
    from mmtscam.utils.config import read_config
    from mmtscam.utils.views import use_views

    group = start_processes(args.launcher, timedelta(days=7))
    settings = LabelSettings(args.labels, args.score_thr, args.class_agnostic)
    rank, world_size = get_dist_info()
    device = get_device()
    if device == 'cpu':
        keep_freed_memory()
    cfg = read_config(args.config, args.cfg_options)
    if views := chosen_views(args):
        use_views(cfg, **views)
    pipeline = image_pipeline(cfg)
    model = load_model(cfg, args.checkpoint, device)
    head = check_localises(model, cfg)
    if views:
        model = LocTTAModel(model)
    loc_settings = head.settings_with(threshold=args.threshold, map_kind=args.map_kind, min_area=args.min_area)
    count = head.num_classes
    # A head of the first ten of CUB's classes has the names of all 200.
    classes = class_names(cfg, args.checkpoint)
    classes = classes if len(classes) >= count else ()
    rows = read_rows(args, cfg, classes, count)
    classes = agreed_classes(classes, getattr(rows, 'classes', ()), args, count)
    settings = replace(settings, no_object=tuple(find_class(name, classes, count) for name in args.no_object))

    precision = amp_dtype() if args.amp else None
    info: dict[str, Any] = {}
    private: dict[str, Any] = {}
    if rank == 0:
        info = describe(args, cfg, settings, loc_settings, precision)
        info['rows_sha256'] = rows_digest(rows, count if args.labels == 'known' else None)
        private = dict(place=str(Path(args.data).resolve()) if args.data not in SPLITS else None)
    # Images of a folder are labelled to be trained on.
    split = args.data if args.data in SPLITS else 'train'
    output = COCOOutput(Path(args.out), args.layout, split, args.first_category_id)
    folder = PartFolder(output, info, len(rows), args.part_size, private)
    missing = shared_missing(folder, rows, None if args.data in SPLITS else args.data, rank)
    parts = missing[rank::world_size]
    if rank == 0 and len(missing) < folder.num_parts:
        print(f'Going on: {folder.num_parts - len(missing)} of {folder.num_parts} parts are there')

    with ExitStack() as stack:
        advance: Any = lambda images: None  # noqa: E731 - of all but one process
        if rank == 0:
            # No thread refreshes the bar: it could hold a lock when the loader's processes are forked.
            bar = stack.enter_context(Progress(auto_refresh=False))
            task = bar.add_task('Labelling', total=sum(len(folder.images(part)) for part in parts))
            advance = lambda images: bar.update(task, advance=images, refresh=True)  # noqa: E731
        label_parts(
            model,
            pipeline,
            rows,
            folder,
            parts,
            settings,
            loc_settings,
            args.batch_size,
            args.num_workers,
            precision,
            advance,
        )
    barrier(group)
    if rank == 0:
        counts = folder.merge(('object',) if settings.class_agnostic else classes)
        print(f'{output.file}: ' + ', '.join(f'{number} {what}' for what, number in counts.items()))
        if counts['skipped']:
            print(f'{output.file} lists the skipped images, and why, at its end')


def agreed_classes(ours: Sequence[str], theirs: Sequence[str], args: argparse.Namespace, count: int) -> tuple[str, ...]:
    """Names of the classes; the labels of checkpoint and data set must mean the same classes."""
    if args.labels == 'known' and ours and theirs:
        for label, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                raise ValueError(
                    f'class {label} is {one!r} in {args.checkpoint} and {other!r} in the {args.data} data set of '
                    f'{args.config}: use the data set with which it was trained'
                )
    known = ours or (theirs if len(theirs) >= count else ())
    return tuple(known) or tuple(f'class {label}' for label in range(count))


def shared_missing(folder: 'PartFolder', rows: 'Sequence[ImageRow]', root: str | None, rank: int) -> list[int]:
    """The parts to be made. The first process finds them for all, so that all see the same list."""
    from mmengine.dist import broadcast_object_list

    found: list[Any] = [None]
    if rank == 0:
        try:
            folder.output.check(((row.name, row.path) for row in rows), root)
            folder.prepare()
            found = [folder.missing()]
        except (ValueError, OSError) as error:
            found = [str(error)]
    broadcast_object_list(found)
    if isinstance(found[0], str):
        raise ValueError(found[0])
    return found[0]


def describe(
    args: argparse.Namespace,
    cfg: 'Config',
    settings: 'LabelSettings',
    loc_settings: 'LocSettings',
    precision: 'torch.dtype | None',
) -> dict[str, Any]:
    """The settings that decide on the boxes, for the file's ``info``."""
    import torch
    from mmengine.device import get_device

    from mmtscam.apis.pipelines import find_pipeline
    from mmtscam.utils.files import file_sha256
    from mmtscam.utils.views import describe_views
    from mmtscam.version import __version__

    return dict(
        description='pseudo boxes: predicted, not annotated',
        mmtscam=__version__,
        torch=torch.__version__,
        device=get_device(),
        checkpoint=Path(args.checkpoint).name,
        checkpoint_sha256=file_sha256(args.checkpoint),
        data=args.data if args.data in SPLITS else Path(args.data).resolve().name,
        **asdict(settings),
        min_area=loc_settings.min_area,
        map_kind=loc_settings.map_kind,
        threshold=loc_settings.protocol.threshold,
        protocol=asdict(loc_settings.protocol),
        views=describe_views(find_pipeline(cfg)),
        precision=str(precision or torch.float32).removeprefix('torch.'),
        batch_size=args.batch_size,
        config_file=Path(args.config).name,
        config=cfg.pretty_text,
    )


if __name__ == '__main__':
    run(
        main,
        hints={
            "labels='predicted'": '--labels predicted',
            'num_workers': '--num-workers',
            'score_thr': '--score-thr',
            'min_area': '--min-area',
            'map_kind of': '--map-kind',
            'layout=': '--layout',
        },
    )
