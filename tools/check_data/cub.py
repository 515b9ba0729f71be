"""Check an unpacked CUB-200-2011: python tools/check_data/cub.py data/CUB_200_2011 [options]."""

import argparse

from mmtscam.utils.cli import add_subset_argument, run

SOURCE = 'https://www.vision.caltech.edu/datasets/cub_200_2011/'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Check that CUB-200-2011 is complete: text files, images and boxes.',
        epilog=f'Nothing is downloaded; official source: {SOURCE}',
    )
    parser.add_argument('root', help='folder with images.txt and images, e.g. data/CUB_200_2011')
    parser.add_argument('--decode', action='store_true', help='also read every image')
    add_subset_argument(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.datasets.preparation import check_cub, conclude, naming_source, show_progress

    with naming_source(SOURCE):
        findings = check_cub(args.root, decode=args.decode, track=show_progress)
    conclude(findings, args.root, SOURCE, args.allow_subset)
    if findings.counts_differ:
        print(f'Train with --cfg-options model.head.num_classes={findings.counts["classes"]}')


if __name__ == '__main__':
    run(main)
