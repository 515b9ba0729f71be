"""Train a model: python tools/train.py CONFIG [options]."""

import argparse
from pathlib import Path

from mmtscam.utils.cli import add_runner_arguments, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from CHECKPOINT, or without one from the latest in the work directory',
    )
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the actual over the base batch size',
    )
    add_runner_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.engine.runner import build_runner, runner_config, use_amp_for_training

    cfg = runner_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.pop('save_best', None)
    if args.amp:
        use_amp_for_training(cfg)
    if args.auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    if args.resume == 'auto':
        # With nothing to resume, training starts as it would without --resume: from load_from, if there is one.
        if (Path(cfg.work_dir) / 'last_checkpoint').is_file():
            cfg.resume, cfg.load_from = True, None
    elif args.resume is not None:
        cfg.resume, cfg.load_from = True, args.resume
    build_runner(cfg).train()


if __name__ == '__main__':
    run(main, hints={'to be resumed': '--resume CHECKPOINT; --resume alone takes the latest of the work directory'})
