"""Classify and localise images: python -m mmtscam.apis.infer IMAGE_OR_FOLDER CONFIG CHECKPOINT [options]."""

import argparse

from mmtscam.utils.choices import PREDICTION_FORMATS
from mmtscam.utils.cli import add_cfg_options, add_coco_arguments, add_view_arguments, chosen_views, run

# Names in messages of the inferencer and of the model, and the flags that set them.
HINTS = {
    'batch_size': '--batch-size',
    'topk': '--topk',
    'map_kind of': '--map-kind',
    'min_area': '--min-area',
    'attn_layers': '--layers',
    'out_dir': '--out-dir',
    'pred_score_thr': '--pred-score-thr',
    'pred_formats': '--pred-formats',
    'layout=': '--layout',
    'show=False': 'leave out --show',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Classify and localise images, and draw what was found.')
    parser.add_argument('inputs', nargs='+', metavar='IMAGE_OR_FOLDER', help='images, URLs, or one folder')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--out-dir',
        default='outputs',
        help='folder for pictures and predictions, those of an interrupted run in partial/ there (default: outputs)',
    )
    parser.add_argument(
        '--class',
        dest='classes',
        nargs='+',
        metavar='NAME',
        help='where are these? by name or index, whatever their scores, instead of the best',
    )
    parser.add_argument(
        '--topk',
        type=int,
        help="how many classes get a box in the predictions (default: the config's); pictures show the best",
    )
    parser.add_argument('--threshold', type=float, help="for drawing boxes (default: the config's)")
    parser.add_argument('--map-kind', metavar='NAME', help="kind of map to localise with (default: the config's)")
    parser.add_argument(
        '--min-area',
        type=float,
        metavar='SHARE',
        help='several boxes a class: one of every region with at least this share of the area of its largest',
    )
    parser.add_argument('--layers', type=int, nargs='+', help='blocks whose attention is averaged (default: all)')
    parser.add_argument('--batch-size', type=int, default=16, help='images a batch (default: 16)')
    parser.add_argument('--device', help='cpu, cuda:0, ... (default: a GPU if there is one)')
    parser.add_argument('--show', action='store_true', help='open a window for each picture')
    parser.add_argument('--wait-time', type=float, default=0, help='seconds for which it stays (default: for ever)')
    parser.add_argument(
        '--pred-score-thr', type=float, default=0.0, help='leave boxes of a lower score out of pictures (default: 0)'
    )
    parser.add_argument('--print-result', action='store_true', help='print the predictions as they are written')
    parser.add_argument('--no-save-vis', action='store_true', help='write no pictures')
    parser.add_argument('--no-save-pred', action='store_true', help='write no predictions')
    parser.add_argument(
        '--pred-formats', nargs='+', choices=PREDICTION_FORMATS, default=['json'], help='of predictions (default: json)'
    )
    add_coco_arguments(parser, 'OUT_DIR/coco')
    add_view_arguments(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Run the command."""
    args = parse_args()
    import cv2
    from mmengine.device import get_device
    from mmengine.logging import MMLogger
    from rich.console import Console

    from mmtscam.engine.memory import keep_freed_memory
    from mmtscam.utils.config import read_config
    from mmtscam.utils.printable import printable

    from .inferencer import LocInferencer
    from .predictions import PARTIAL

    cv2.setNumThreads(0)  # images are read and pictures drawn in threads of their own
    MMLogger.get_instance('mmengine', log_level='WARNING')
    inputs = args.inputs if len(args.inputs) > 1 else args.inputs[0]
    try:
        if (args.device or get_device()) == 'cpu':
            keep_freed_memory()
        inferencer = LocInferencer(
            read_config(args.config, args.cfg_options),
            args.checkpoint,
            args.device,
            args.layers,
            **chosen_views(args),
        )
        results = inferencer(
            inputs,
            batch_size=args.batch_size,
            classes=args.classes,
            topk=args.topk,
            threshold=args.threshold,
            map_kind=args.map_kind,
            min_area=args.min_area,
            show=args.show,
            wait_time=args.wait_time,
            pred_score_thr=args.pred_score_thr,
            print_result=args.print_result,
            no_save_vis=args.no_save_vis,
            no_save_pred=args.no_save_pred,
            pred_formats=args.pred_formats,
            out_dir=args.out_dir,
            layout=args.layout,
            first_category=args.first_category_id,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f'interrupted; the pictures that were done are in {args.out_dir}, and the predictions, if there are any, '
            f'in its folder {PARTIAL}'
        ) from None
    console = Console(highlight=False, soft_wrap=True)
    predictions = results['predictions']
    failed = [each for each in predictions if 'error' in each]
    for each in predictions if len(predictions) == 1 and not failed else ():
        boxes = list(zip(each['labels'], each['classes'], each['scores'], each['bboxes'], strict=True))
        shown = [box for box in boxes if args.classes or box[0] == each['pred_label']]
        for _, name, score, box in shown:
            edges = ', '.join(f'{edge:.0f}' for edge in box)
            console.print(f'{printable(name).replace("_", " ")} ({score:.2f}) at {edges}', markup=False)
        if not shown:
            console.print('No box: nothing in the map is above the threshold', markup=False)
    for each in failed:
        console.print(printable(f'Skipped: {each["error"]}'), markup=False)
    done = len(predictions) - len(failed)
    skipped = f', {len(failed)} skipped' if failed else ''
    where = '' if args.no_save_vis and args.no_save_pred else f'; see {args.out_dir}'
    console.print(f'{done} {"image" if done == 1 else "images"} done{skipped}{where}', markup=False)
    if failed:
        raise SystemExit(1)


if __name__ == '__main__':
    run(main, HINTS)
