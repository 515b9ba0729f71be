"""Check OpenImages30k: python tools/check_data/openimages.py data/OpenImages --metadata DIR [options].

The layout is that of the WSOL benchmark: images and masks in
data/OpenImages/{train,val,test}/CLASS/, and its folder metadata/OpenImages
with {train,val,test}/*.txt, which the configs expect as
data/metadata/OpenImages.
"""

import argparse

from mmtscam.utils.cli import add_subset_argument, run

SOURCE = 'https://github.com/clovaai/wsolevaluation'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'Nothing is downloaded; official source: {SOURCE}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('root', help='folder with train, val and test, e.g. data/OpenImages')
    parser.add_argument('--metadata', required=True, metavar='DIR', help="the benchmark's metadata/OpenImages")
    parser.add_argument('--mask-root', metavar='DIR', help='folder with the masks (default: root)')
    parser.add_argument('--decode', action='store_true', help='also read every image and mask')
    add_subset_argument(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.datasets.preparation import check_open_images, conclude, naming_source, show_progress

    with naming_source(SOURCE):
        findings = check_open_images(
            args.root, args.metadata, mask_root=args.mask_root, decode=args.decode, track=show_progress
        )
    conclude(findings, args.root, SOURCE, args.allow_subset)


if __name__ == '__main__':
    run(main)
