"""Score stored maps without a model: python tools/analysis/evaluate_maps.py MAPS [options]."""

import argparse
import os.path as osp
from typing import TYPE_CHECKING

from mmtscam.utils.cli import add_cfg_options, run

if TYPE_CHECKING:
    from mmtscam.evaluation import BaseLocMetric
    from mmtscam.evaluation.stored_maps import MapFile, ScoreMapFolder


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Score maps under any protocol, without a model. MAPS is a file of tools/test.py --save-maps, or a '
        'folder of IMAGE_ID.npy score maps as the WSOL benchmark stores them.'
    )
    parser.add_argument('maps', metavar='MAPS', help='file (.npz) or folder')
    parser.add_argument(
        '--protocol',
        nargs='+',
        metavar='NAME',
        help='protocols, as tscam or wsol-v1 (default: wsol-v2)',
    )
    parser.add_argument(
        '--map-kind',
        nargs='+',
        help='kinds of map in a file (default: maps, the kind that the head localises with)',
    )
    parser.add_argument(
        '--config', help="score a file with the localization metrics of this config's test_evaluator, not by --protocol"
    )
    add_cfg_options(
        parser,
        flag='--protocol-options',
        help='fields of the protocols to replace: iou_levels="[0.3,0.5]" regions=all_contours',
    )
    threshold = parser.add_mutually_exclusive_group()
    threshold.add_argument('--threshold', type=float, help='a fixed threshold')
    threshold.add_argument('--thresholds', metavar='FILE', help='thresholds chosen on a validation split')
    threshold.add_argument(
        '--write-thresholds', metavar='FILE', help='choose the best thresholds on these maps and write them, no more'
    )
    folder = parser.add_argument_group('for a folder')
    folder.add_argument(
        '--metadata', help="the benchmark's text files: image_ids, class_labels, image_sizes, localization"
    )
    folder.add_argument('--mask-root', help='folder of the masks, where localization.txt lists masks')
    folder.add_argument(
        '--normalize',
        action='store_true',
        default=None,
        help='bring the maps to the frame and to [0, 1] first',
    )
    parser.add_argument('--out-dir', help='folder for report.json and, image by image, PROTOCOL.csv')
    parser.add_argument(
        '--num-workers', type=int, help='processes that share the work (default: one a core; 0 for none but this)'
    )
    args = parser.parse_args()
    if args.config:
        check_beside_config(parser, args)
    return args


def check_beside_config(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if osp.isdir(args.maps):
        parser.error(f'--config: {args.maps} is a folder, and --config scores a file: use --protocol')
    for name in ('protocol', 'map_kind', 'protocol_options', 'num_workers', 'normalize'):
        if getattr(args, name) is not None:
            parser.error(f'--{name.replace("_", "-")}: not with --config, whose test_evaluator sets it')


def open_maps(args: argparse.Namespace) -> 'MapFile | ScoreMapFolder':
    from mmtscam.evaluation.stored_maps import MapFile, ScoreMapFolder
    from mmtscam.registry import DATASETS

    if not osp.exists(args.maps):
        raise ValueError(f'{args.maps}: no such file or folder')
    if not osp.isdir(args.maps):
        if args.metadata or args.mask_root or args.normalize:
            raise ValueError('--metadata, --mask-root and --normalize are for a folder; a file has what it needs')
        return MapFile(args.maps)
    if not args.metadata:
        raise ValueError(f'{args.maps}: a folder of score maps needs --metadata')
    metadata = osp.abspath(args.metadata)
    root = osp.abspath(args.maps)
    truth = dict(boxes=dict(type='BenchmarkBoxes', metadata=metadata))
    if args.mask_root:
        truth = dict(masks=dict(type='OpenImagesMasks', metadata=metadata, mask_root=osp.abspath(args.mask_root)))
    dataset = dict(type='WSOLBenchmark', data_root=root, metadata=metadata)
    return ScoreMapFolder(args.maps, DATASETS.build(dict(type='WSOLDataset', dataset=dataset, test_mode=True, **truth)))


def metric_configs(args: argparse.Namespace, maps: 'MapFile | ScoreMapFolder') -> list[dict]:
    from mmtscam.evaluation import loc_metrics
    from mmtscam.evaluation.stored_maps import MapFile, ScoreMapFolder
    from mmtscam.localization import get_protocol
    from mmtscam.utils.config import read_config

    if args.config:
        return [config for config, _ in loc_metrics(read_config(args.config).test_evaluator)]
    first = next(iter(maps), {})
    if 'gt_instances' not in first and (args.write_thresholds or args.thresholds or args.threshold is not None):
        raise ValueError(f'{args.maps}: without true boxes there is no use for a threshold')
    configs = []
    for map_kind in dict.fromkeys(args.map_kind or ['maps']):
        if isinstance(maps, ScoreMapFolder) and map_kind != 'maps':
            raise ValueError(f'--map-kind {map_kind}: a folder holds one kind of map')
        for name in dict.fromkeys(args.protocol or ['wsol-v2']):
            # Stored maps of other code are scored without normalising them, as in the benchmark.
            normalize = bool(args.normalize) or isinstance(maps, MapFile)
            protocol = {'base': name, 'normalize': normalize, **(args.protocol_options or {})}
            rules = get_protocol(protocol)
            prefix = rules.name if map_kind == 'maps' else f'{rules.name}-{map_kind}'
            common = dict(protocol=protocol, map_kind=map_kind, prefix=prefix, num_workers=args.num_workers)
            if 'gt_instances' in first:
                configs.append(dict(type='MaxBoxAcc', **common))
                if args.thresholds or args.threshold is not None or rules.threshold is not None:
                    configs.append(dict(type='LocAccuracy', **common))
            if 'gt_sem_seg' in first:
                configs.append(dict(type='PixelAP', **common))
    if not configs:
        raise ValueError(f'{args.maps}: neither true boxes nor masks to compare with')
    return configs


def build_metrics(args: argparse.Namespace, maps: 'MapFile | ScoreMapFolder') -> 'list[BaseLocMetric]':
    from mmtscam.evaluation import set_threshold, set_threshold_file, sweeps_for
    from mmtscam.evaluation.stored_maps import MapFile
    from mmtscam.registry import METRICS

    configs = metric_configs(args, maps)
    if args.write_thresholds:
        configs = sweeps_for(configs)
    elif args.thresholds:
        set_threshold_file(configs, args.thresholds, maps.origin if isinstance(maps, MapFile) else None)
    elif args.threshold is not None:
        set_threshold(configs, args.threshold)
    return [METRICS.build(config) for config in configs]


def main() -> None:
    args = parse_args()
    from mmengine.registry import init_default_scope

    from mmtscam.evaluation import evaluate_maps, print_choices, print_results, save_thresholds, write_report
    from mmtscam.evaluation.stored_maps import MapFile
    from mmtscam.utils.files import check_writable, file_sha256

    if args.write_thresholds:
        check_writable(args.write_thresholds)
    if args.out_dir:
        check_writable(args.out_dir, is_folder=True)
    init_default_scope('mmtscam')
    maps = open_maps(args)
    metrics = build_metrics(args, maps)
    results = evaluate_maps(maps, metrics)
    origin = dict(maps=args.maps, maps_sha256=file_sha256(args.maps) if osp.isfile(args.maps) else None)
    if isinstance(maps, MapFile):
        origin.update(maps.origin)
    if args.write_thresholds:
        choices = [metric.best for metric in metrics if metric.best]
        save_thresholds(args.write_thresholds, choices, maps.image_ids(), origin)
        print_choices(choices, results[0].counts)
        print(f'Written: {args.write_thresholds}')
        return
    print_results(results)
    if args.out_dir:
        for file in write_report(args.out_dir, results, origin):
            print(f'Written: {file}')


if __name__ == '__main__':
    run(main, hints={'as it stands': '--normalize brings maps to it'})
