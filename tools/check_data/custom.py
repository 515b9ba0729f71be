"""Check your own images: python tools/check_data/custom.py data/images [--boxes FILE.json ...].

The images lie in data/images/{train,test}/CLASS/*.jpg. Boxes of the test
images are optional: a COCO json with file names relative to data/images/test
and categories named as the folders. An image that it lists without a box shows
no object.
"""

import argparse
import os.path as osp
import re
import shlex

from mmtscam.utils.cli import run

# The folder in the configs.
DATA_ROOT = 'data/images'
ANN_FILE = 'annotations/test.json'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', help='folder with train and test, e.g. data/images')
    parser.add_argument('--boxes', nargs='+', default=[], metavar='FILE.json', help='COCO files of the test images')
    parser.add_argument(
        '--img-prefix', default='test', help='folder in root to which file_name in them is relative (default: test)'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.datasets.preparation import check_image_folders, conclude, show_progress

    findings = check_image_folders(args.root, args.boxes, args.img_prefix, track=show_progress)
    conclude(findings, args.root)
    config = 'configs/sat/sat_deit-s_custom.py'
    options = [f'model.head.num_classes={findings.counts["classes"]}', 'model.head.area=AREA']
    images = []  # for the estimate, which looks at the training images alone
    if osp.normpath(args.root) != DATA_ROOT:
        roots = [f'{split}_dataloader.dataset.dataset.data_root={args.root}' for split in ('train', 'val', 'test')]
        images = roots[:1]
        options += roots
    if args.boxes:
        config = 'configs/sat/sat_deit-s_custom_boxes.py'
        boxes = dict(ann_file=osp.relpath(args.boxes[0], args.root), img_prefix=args.img_prefix)
        for key, value in boxes.items():
            if value != dict(ann_file=ANN_FILE, img_prefix='test')[key]:
                options += [f'{split}_dataloader.dataset.boxes.{key}={value}' for split in ('val', 'test')]
    estimate = ['python', 'tools/analysis/estimate_area.py', config, *(['--cfg-options', *images] if images else [])]
    if re.search(r'[\s,()\[\]]', ''.join(options)):
        print('--cfg-options takes no white space, commas or brackets: move or link the folder to a path without them')
    print(f'AREA: {shlex.join(estimate)}')
    print(f'Train: python tools/train.py {config} --cfg-options \\\n    ' + ' \\\n    '.join(map(shlex.quote, options)))


if __name__ == '__main__':
    run(main)
