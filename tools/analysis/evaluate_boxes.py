"""Score the boxes of a COCO file, e.g. pseudo boxes: python tools/analysis/evaluate_boxes.py BOXES.json TRUTH.json."""

import argparse

from mmtscam.utils.cli import run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('boxes', help='COCO file of the boxes to be scored')
    parser.add_argument('truth', help='COCO file of the true boxes, see tools/dataset_converters/wsol_to_coco.py')
    parser.add_argument('--class-agnostic', action='store_true', help='let a box be of any category')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmtscam.pseudo_labels.box_scores import score_boxes

    scores = score_boxes(args.boxes, args.truth, args.class_agnostic)
    images, boxed, missing = (scores.pop(name) for name in ('images', 'with a true box', 'not listed'))
    print(', '.join(f'{name} {value:.1f}' for name, value in scores.items()))
    print(f'{images} images, {boxed} with a true box')
    if missing:
        print(f'{missing} images of {args.truth} have no entry in images of {args.boxes} and count as without a box')


if __name__ == '__main__':
    run(main, hints={'class_agnostic': '--class-agnostic'})
