"""Evaluate a checkpoint: python tools/test.py CONFIG CHECKPOINT [options]."""

import argparse

from mmtscam.utils.cli import (
    add_model_arguments,
    add_runner_arguments,
    add_view_arguments,
    check_at_least,
    chosen_views,
    run,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint.')
    add_model_arguments(parser)
    parser.add_argument('--out', help='file for the predictions (.pkl) or metrics (.json)')
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        default='pred',
        help='what to write to --out (default: pred)',
    )
    parser.add_argument(
        '--report-dir', help='folder for report.json and, image by image, PROTOCOL.csv (default: with the log)'
    )
    parser.add_argument('--thresholds', metavar='FILE', help='take thresholds from a file of choose_threshold.py')
    parser.add_argument(
        '--save-maps', metavar='FILE', help='file (.npz) for the maps, see tools/analysis/evaluate_maps.py'
    )
    parser.add_argument('--show', action='store_true', help='open a window for each picture')
    parser.add_argument('--show-dir', help='folder for pictures of image, maps and boxes')
    parser.add_argument('--interval', type=int, default=1, help='draw every INTERVAL-th image')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds for which a window stays')
    add_view_arguments(parser)
    add_runner_arguments(parser)
    args = parser.parse_args()
    endings = ('.pkl', '.pickle') if args.out_item == 'pred' else ('.json', '.yaml', '.yml', '.pkl', '.pickle')
    if args.out and not args.out.endswith(endings):
        parser.error(
            f'--out {args.out}: the name must end in {" or ".join(endings)}'
            + ('; for metrics add --out-item metrics' if args.out_item == 'pred' else '')
        )
    if args.save_maps and not args.save_maps.endswith('.npz'):
        parser.error(f'--save-maps {args.save_maps}: the name must end in .npz')
    check_at_least(parser, args, 1, ['interval'])
    return args


def main() -> None:
    args = parse_args()
    import mmengine
    from mmengine.dist import is_main_process
    from mmengine.registry import init_default_scope

    from mmtscam.engine.run_origin import checkpoint_origin
    from mmtscam.engine.runner import build_runner, evaluation_config
    from mmtscam.evaluation import set_threshold_file
    from mmtscam.evaluation.dumped_predictions import DumpedPredictions
    from mmtscam.utils.files import check_writable
    from mmtscam.utils.images import pipeline_of
    from mmtscam.utils.views import describe_views, use_views

    cfg = evaluation_config(args)
    if args.show_dir:
        check_writable(args.show_dir, is_folder=True)
    if asked := chosen_views(args):
        use_views(cfg, **asked)
        cfg.custom_hooks = [
            *cfg.get('custom_hooks', []),
            dict(type='PrepareTTAHook', tta_cfg=cfg.get('tta_model', dict(type='mmtscam.LocTTAModel'))),
        ]
    if args.show or args.show_dir:
        cfg.default_hooks.visualization.update(
            draw=True, show=args.show, wait_time=args.wait_time, test_out_dir=args.show_dir, interval=args.interval
        )
    if args.report_dir:
        cfg.default_hooks.report = dict(type='LocReportHook', out_dir=args.report_dir)
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    if args.thresholds:
        views = describe_views(pipeline_of(cfg.test_dataloader.dataset))
        set_threshold_file(cfg.test_evaluator, args.thresholds, dict(checkpoint_origin(args.checkpoint), views=views))
    if args.save_maps:
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='SaveMapsHook', out_file=args.save_maps)]

    runner = build_runner(cfg)
    if args.out and is_main_process():
        check_writable(args.out)
    if args.out and args.out_item == 'pred':
        runner.test_evaluator.metrics.append(DumpedPredictions(out_file_path=args.out))
    metrics = runner.test()
    if args.out and args.out_item == 'metrics' and is_main_process():
        mmengine.dump(metrics, args.out, indent=2, backend_args=dict(backend='atomic_local'))


if __name__ == '__main__':
    run(main, hints={'show=False': '--show-dir DIR in place of --show'})
