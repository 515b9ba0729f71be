"""Print parameters and MACs: python tools/analysis/get_flops.py CONFIG [options]."""

import argparse

from mmtscam.utils.cli import add_cfg_options, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Count the parameters and MACs of a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape', type=int, nargs='+', help="input size: SIDE, or HEIGHT WIDTH (default: the config's)"
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if len(args.shape or ()) > 2:
        parser.error('--shape takes one number or two')
    if min(args.shape or (1,)) < 1:
        parser.error(f'--shape must be at least 1, got {min(args.shape)}')
    return args


def main() -> None:
    args = parse_args()
    from mmtscam.speed import model_complexity
    from mmtscam.utils.config import read_config

    cfg = read_config(args.config, args.cfg_options)
    model = cfg.get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    if not isinstance(backbone, dict):
        raise ValueError(f'{args.config}: no model to count: model must be a dict with a dict backbone')
    shape = args.shape or [backbone.get('img_size', 224)]
    height, width = shape[0], shape[-1]
    counts = model_complexity(cfg, (height, width))
    print(f'Input shape: (3, {height}, {width})')
    print(f'Parameters: {counts["params"] / 1e6:.2f} M')
    print(f'MACs: {counts["macs"] / 1e9:.2f} G')


if __name__ == '__main__':
    run(main)
