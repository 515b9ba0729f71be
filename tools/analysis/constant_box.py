"""Print what constant boxes achieve: python tools/analysis/constant_box.py CONFIG [options]."""

import argparse

from mmtscam.utils.cli import add_cfg_options, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='GT-known Loc of the best constant box and of the whole image.')
    parser.add_argument('config', help='config file; its test data set is used')
    parser.add_argument('--protocol', choices=['tscam', 'wsol-v1'], default='tscam', help='evaluation protocol')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmengine.registry import init_default_scope

    from mmtscam.evaluation import constant_box_baselines
    from mmtscam.localization import PROTOCOLS
    from mmtscam.registry import DATASETS
    from mmtscam.utils.config import read_config

    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    baselines = constant_box_baselines(dataset, PROTOCOLS[args.protocol])
    print(f'GT-known Loc under {args.protocol}, {len(dataset)} images, {baselines["with_box"]} with a true box:')
    print(f'  best constant box of an 8-pixel grid (oracle): {baselines["best_constant_box"]:.1f} %')
    print(f'  whole image: {baselines["whole_image"]:.1f} %')


if __name__ == '__main__':
    run(main)
