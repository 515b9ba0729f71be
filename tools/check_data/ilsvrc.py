"""Check ILSVRC 2012 and list its images: python tools/check_data/ilsvrc.py data/imagenet [options].

The layout is that of ILSVRC2017_CLS-LOC.tar.gz and of Kaggle's archive:

    data/imagenet/
    ├── ILSVRC/
    │   ├── Data/CLS-LOC/train/n01440764/*.JPEG ...
    │   ├── Data/CLS-LOC/val/*.JPEG
    │   ├── Annotations/CLS-LOC/val/*.xml     or LOC_val_solution.csv
    │   └── ImageSets/CLS-LOC/*.txt           may lack
    └── LOC_val_solution.csv                  Kaggle's

It writes data/imagenet/meta/{train,val}.txt, from which the configs load the
images; labels follow the sorted names of the training folders.
"""

import argparse
from pathlib import Path

from mmtscam.utils.cli import add_subset_argument, run

SOURCE = (
    'https://www.image-net.org/challenges/LSVRC/2012/ or '
    'https://www.kaggle.com/c/imagenet-object-localization-challenge'
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'Nothing is downloaded; official source: {SOURCE}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('root', help='folder with ILSVRC, e.g. data/imagenet')
    add_subset_argument(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.datasets.preparation import check_ilsvrc, conclude, naming_source, show_progress
    from mmtscam.datasets.preparation.ilsvrc import uses_csv
    from mmtscam.utils.files import write_text

    with naming_source(SOURCE):
        findings, lists = check_ilsvrc(args.root, track=show_progress)
    conclude(findings, args.root, SOURCE, args.allow_subset)
    for name, text in lists.items():
        path = Path(args.root) / name
        write_text(path, text)
        print(f'Written: {path}')
    if uses_csv(args.root):
        print("The boxes are in a csv file; in the config: boxes=dict(_delete_=True, type='ILSVRCCSVBoxes', ")
        print("    ann_file='LOC_val_solution.csv')")
    if findings.counts_differ:
        print(f'Train with --cfg-options model.head.num_classes={findings.counts["classes"]}; labels count the')
        print('classes that are there, so name them in metainfo: the usual names are those of all 1000.')


if __name__ == '__main__':
    run(main)
