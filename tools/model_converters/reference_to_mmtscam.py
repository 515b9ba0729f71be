"""Give a released checkpoint our names: python tools/model_converters/reference_to_mmtscam.py SRC DST."""

import argparse

from mmtscam.utils.cli import run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Convert an original DeiT or Conformer, or the authors' TS-CAM, SAT or SCM, to mmtscam's names."
    )
    parser.add_argument('src', help='checkpoint of the authors')
    parser.add_argument('dst', help='file to write, for tools/test.py CONFIG DST')
    parser.add_argument('--force', action='store_true', help='replace DST if it exists')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.models.checkpoints.converted_files import reference_to_mmtscam

    print(reference_to_mmtscam(args.src, args.dst, args.force))
    print(f'Written: {args.dst}')


if __name__ == '__main__':
    run(main, hints={'force=True': '--force'})
