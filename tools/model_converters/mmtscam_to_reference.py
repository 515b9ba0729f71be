"""Give our checkpoint the released names: python tools/model_converters/mmtscam_to_reference.py SRC DST."""

import argparse

from mmtscam.utils.cli import run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Give a checkpoint of TSCAMDeiT, SATDeiT or TSCAMConformer the names of its authors.'
    )
    parser.add_argument('src', help='checkpoint of mmtscam')
    parser.add_argument('dst', help='file to write, for the released code')
    parser.add_argument('--force', action='store_true', help='replace DST if it exists')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.models.checkpoints.converted_files import mmtscam_to_reference

    print(mmtscam_to_reference(args.src, args.dst, args.force))
    print(f'Written: {args.dst}')


if __name__ == '__main__':
    run(main, hints={'force=True': '--force'})
