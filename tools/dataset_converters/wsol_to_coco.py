"""Write a data set's true boxes as a COCO file: python tools/dataset_converters/wsol_to_coco.py CONFIG --out FILE.json.

For detectors that are to be evaluated, or trained for comparison, with true boxes.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmtscam.utils.choices import SPLITS
from mmtscam.utils.cli import add_cfg_options, add_coco_arguments, run

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--data', choices=SPLITS, default='test', help='of which dataloader (default: test)')
    parser.add_argument('--out', required=True, metavar='FILE.json', help='the COCO file, or the folder of a layout')
    parser.add_argument('--class-agnostic', action='store_true', help="let all boxes be of one class, 'object'")
    add_coco_arguments(parser, 'OUT')
    add_cfg_options(parser)
    return parser.parse_args()


def find_boxes(cfg: 'Config', split: str) -> dict:
    """The box reader of a split, or that of the test, because configs train without boxes."""
    for each in (split, 'test', 'val'):
        dataset = (cfg.get(f'{each}_dataloader') or {}).get('dataset') or {}
        if dataset.get('boxes'):
            return dataset['boxes']
    raise ValueError(f'{cfg.filename}: none of its data sets has boxes; set test_dataloader.dataset.boxes')


def main() -> None:
    args = parse_args()
    from rich.progress import track

    from mmtscam.datasets.coco import COCOOutput
    from mmtscam.datasets.true_boxes import write_true_boxes
    from mmtscam.pseudo_labels import build_dataset
    from mmtscam.utils.config import read_config

    cfg = read_config(args.config, args.cfg_options)
    dataset = build_dataset(cfg, args.data, boxes=find_boxes(cfg, args.data))
    output = COCOOutput(Path(args.out), args.layout, args.data, args.first_category_id)
    counts = write_true_boxes(
        dataset, output, args.class_agnostic, lambda images: track(images, description='Reading sizes')
    )
    print(f'{output.file}: {counts["images"]} images, {counts["boxes"]} boxes')
    if counts['turned']:
        print(
            f'{counts["turned"]} images carry an orientation, which mmdet follows and their boxes do not: '
            "set LoadImageFromFile's color_type='color_ignore_orientation' in the detector's pipelines"
        )


if __name__ == '__main__':
    run(main, hints={'layout=': '--layout'})
