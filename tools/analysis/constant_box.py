"""Print what constant boxes achieve: python tools/analysis/constant_box.py CONFIG [options]."""

import argparse

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from mmtscam.evaluation import constant_box_baselines
from mmtscam.localization import PROTOCOLS
from mmtscam.registry import DATASETS


def main() -> None:
    parser = argparse.ArgumentParser(description='GT-known Loc of the best constant box and of the whole image.')
    parser.add_argument('config', help='config file; its test data set is used')
    parser.add_argument('--protocol', choices=['tscam', 'wsol-v1'], default='tscam', help='evaluation protocol')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')
    args = parser.parse_args()

    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmtscam'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    baselines = constant_box_baselines(dataset, PROTOCOLS[args.protocol])
    print(f'GT-known Loc under {args.protocol}, {len(dataset)} images:')
    print(f'  best constant box of an 8-pixel grid (oracle): {baselines["best_constant_box"]:.1f} %')
    print(f'  whole image: {baselines["whole_image"]:.1f} %')


if __name__ == '__main__':
    main()
