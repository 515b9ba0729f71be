"""Estimate the area that SAT needs, before training: python tools/analysis/estimate_area.py CONFIG [options]."""

import argparse
import inspect

from mmtscam.utils.cli import add_cfg_options, check_at_least, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Estimate the share of an image that objects fill, which is model.head.area of SAT, from the '
        'class attention of the pretrained backbone. No boxes or masks are needed.'
    )
    parser.add_argument('config', help='config file; its training images and pretrained backbone are used')
    parser.add_argument('--images', type=int, default=200, help='images to look at, drawn at random (default: 200)')
    add_cfg_options(parser)
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['images'])
    return args


def main() -> None:
    args = parse_args()
    from mmengine.device import get_device

    from mmtscam.apis.object_area import object_areas
    from mmtscam.datasets.preparation import show_progress
    from mmtscam.registry import MODELS
    from mmtscam.utils.config import read_config, type_class

    cfg = read_config(args.config, args.cfg_options)
    areas = object_areas(cfg, args.images, get_device(), show_progress)
    low, high = areas.quantile(0.1), areas.quantile(0.9)
    print(f'The object fills {areas.mean():.2f} of an image on average, and {low:.2f} to {high:.2f} of 80 % of them')
    print(f'({len(areas)} training images, class attention of the pretrained backbone)')
    setting = f'model.head.area={min(max(areas.mean(), 0.05), 0.95):.2f}'
    if 'area' in inspect.signature(type_class(cfg.model.head.type, MODELS).__init__).parameters:
        print(f'Train with --cfg-options {setting}')
    else:
        print(f'A head that holds an area, such as SATHead, takes it: {setting}')


if __name__ == '__main__':
    run(main)
