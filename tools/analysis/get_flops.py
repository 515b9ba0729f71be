"""Print parameters and MACs: python tools/analysis/get_flops.py CONFIG [options]."""

import argparse
import os.path as osp

from mmengine.config import Config, DictAction

from mmtscam.speed import model_complexity


def main() -> None:
    parser = argparse.ArgumentParser(description='Count the parameters and MACs of a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape', type=int, nargs='+', help="input size: SIDE, or HEIGHT WIDTH (default: the config's)"
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')
    args = parser.parse_args()
    if len(args.shape or ()) > 2:
        parser.error('--shape takes one number or two')

    if not osp.isfile(args.config):
        raise SystemExit(f'{args.config}: config file not found')
    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    shape = args.shape or [cfg.model.backbone.get('img_size', 224)]
    height, width = shape[0], shape[-1]
    counts = model_complexity(cfg, (height, width))
    print(f'Input shape: (3, {height}, {width})')
    print(f'Parameters: {counts["params"] / 1e6:.2f} M')
    print(f'MACs: {counts["macs"] / 1e9:.2f} G')


if __name__ == '__main__':
    main()
