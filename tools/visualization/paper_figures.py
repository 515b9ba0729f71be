"""Draw the TS-CAM paper's figures: python tools/visualization/paper_figures.py FIGURE ... --out FILE."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmtscam.utils.choices import FIGURE_ENDINGS
from mmtscam.utils.cli import add_cfg_options, add_model_arguments, check_at_least, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mmtscam.apis.explain import Explainer, Explanation


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Figures of the TS-CAM paper, from checkpoints (CONFIG CHECKPOINT) or reports of tools/test.py.'
    )
    figures = parser.add_subparsers(dest='figure', required=True, metavar='FIGURE')

    figure = add_figure(figures, 'compare', 'Figures 1 and 4: images and the maps of one or more models side by side')
    figure.add_argument('images', nargs='+', metavar='IMAGE', help='image files, a row each')
    figure.add_argument(
        '--model',
        action='append',
        required=True,
        dest='models',
        type=named_model,
        metavar='NAME=CONFIG,CHECKPOINT',
        help='a model and its name in the figure; again for each further one',
    )
    figure.add_argument(
        '--maps',
        nargs='+',
        metavar='KIND',
        help='which maps of each model (default: all of a single model, else those with which each localises)',
    )
    add_class(figure, 'compare', nargs=None)
    add_model_options(figure)

    figure = add_figure(figures, 'iou', 'Figure 5: accuracy over IoU levels of several runs')
    figure.add_argument('reports', nargs='+', metavar='RESULT', help='report.json of tools/test.py, or its folder')
    figure.add_argument('--names', nargs='+', metavar='NAME', help='names of the runs (default: of their folders)')
    figure.add_argument(
        '--results', nargs='+', metavar='RESULT', help='results in each report, as tscam-attention (default: the first)'
    )
    figure.add_argument(
        '--metrics',
        nargs='+',
        choices=['gt_known', 'loc_top1', 'loc_top5'],
        default=['gt_known', 'loc_top1'],
        help='a panel each (default: gt_known loc_top1)',
    )

    figure = add_figure(figures, 'coupling', 'Figure 6: from attention and semantic map to the box, class by class')
    add_image_and_model(figure)
    add_class(figure, 'coupling', nargs='+')
    figure.add_argument('--topk', type=int, default=3, help='how many of the best classes (default: 3)')
    add_model_options(figure)

    figure = add_figure(figures, 'layers', 'Figure 7: class attention, block by block, and its mean')
    add_image_and_model(figure)
    add_model_options(figure)

    figure = add_figure(figures, 'similarity', 'Figure 8: cosine similarity of the patch tokens of some blocks')
    add_image_and_model(figure)
    figure.add_argument(
        '--blocks',
        nargs='+',
        metavar='BLOCK',
        help='numbers of transformer blocks from 1 on, -1 for the last, or names of submodules of the backbone, as '
        'layer4 of a ResNet (default: first, middle and last; the last feature map of a convolutional backbone)',
    )
    figure.add_argument(
        '--cnn',
        type=named_model,
        metavar='NAME=CONFIG,CHECKPOINT',
        help='add the last feature map of a convolutional network',
    )
    add_model_options(figure)

    args = parser.parse_args()
    check_arguments(parser, args)
    return args


def add_figure(figures: argparse._SubParsersAction, name: str, what: str) -> argparse.ArgumentParser:
    figure: argparse.ArgumentParser = figures.add_parser(name, help=what, description=what)
    figure.add_argument(
        '--out',
        required=True,
        type=Path,
        metavar='FILE',
        help=f'file to write ({", ".join(FIGURE_ENDINGS)}, by its ending)',
    )
    figure.add_argument('--dpi', type=int, default=200, help='resolution, of the images in vector files (default: 200)')
    figure.add_argument(
        '--font', metavar='NAME_OR_FILE', help='font of names (default: DejaVu Sans, and installed ones for its gaps)'
    )
    return figure


def add_image_and_model(figure: argparse.ArgumentParser) -> None:
    figure.add_argument('image', metavar='IMAGE', help='image file')
    add_model_arguments(figure)


def add_class(figure: argparse.ArgumentParser, name: str, nargs: str | None) -> None:
    default = "each model's best" if name == 'compare' else 'the best ones, see --topk'
    figure.add_argument(
        *(['--class'] if nargs is None else ['--classes', '--class']),
        nargs=nargs,
        dest='classes',
        metavar='NAME_OR_INDEX',
        help=f'whose maps to draw (default: {default})',
    )
    figure.add_argument(
        '--true-boxes',
        action='store_true',
        help="draw the true boxes too, by the box reader of the (first) config's test data set",
    )


def add_model_options(figure: argparse.ArgumentParser) -> None:
    figure.add_argument('--device', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    add_cfg_options(figure, help='override settings of every config: a.b=1, a.c="[1,2]" (no white space)')


def named_model(text: str) -> tuple[str, str, str]:
    """Split NAME=CONFIG,CHECKPOINT into its three parts."""
    name, _, files = text.partition('=')
    config, _, checkpoint = files.partition(',')
    if not (name and config and checkpoint):
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=CONFIG,CHECKPOINT')
    return name, config, checkpoint


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where an argument is out of range, before models are loaded."""
    if args.out.suffix.lower() not in FIGURE_ENDINGS:
        parser.error(f'--out {args.out}: must end in {", ".join(FIGURE_ENDINGS)}')
    check_at_least(parser, args, 1, ['dpi', 'topk'] if args.figure == 'coupling' else ['dpi'])
    if args.figure == 'iou' and args.names and len(args.names) != len(args.reports):
        parser.error(f'--names: {len(args.names)} names for {len(args.reports)} reports')
    if '0' in (getattr(args, 'blocks', None) or ()):
        parser.error('--blocks 0: blocks are counted from 1 on')


def draw_compare(args: argparse.Namespace) -> 'Figure':
    from mmtscam.visualization.figures import Panel, plot_comparison

    several = len(args.models) > 1
    titles = ['image']
    rows: list[list[Panel]] = [[] for _ in args.images]
    # Models are loaded one after another, so that only one is in memory.
    for index, (name, config, checkpoint) in enumerate(args.models):
        explainer = load_model(config, checkpoint, args)
        labels = None if args.classes is None else [explainer.find_class(args.classes)]
        kinds: list[str] = []
        for row, path in zip(rows, args.images, strict=True):
            seen = explainer.explain(path, labels)
            if index == 0:
                truth = explainer.true_boxes(path) if args.true_boxes else ()
                row.append(Panel(seen.image, true_boxes=truth))
            kinds = choose_maps(explainer, seen, args.maps, several)
            label = seen.labels[0]
            row += [Panel(seen.image, seen.maps[kind][0], seen.boxes[kind][0], row[0].true_boxes) for kind in kinds]
            # Each model gets one caption: below its first map, or below the image if there is only one model.
            place = -len(kinds) if several else 0
            caption = f'{explainer.class_name(label)} {seen.scores[label]:.2f}'
            row[place] = replace(row[place], caption=caption)
        shown = {kind.name: kind.title for kind in explainer.head.map_kinds}
        titles += [
            name if several and args.maps is None else f'{name}: {shown[kind]}' if several else shown[kind]
            for kind in kinds
        ]
    return plot_comparison(rows, titles)


def load_model(config: str, checkpoint: str, args: argparse.Namespace) -> 'Explainer':
    """Load a model for explanations."""
    from mmengine.device import get_device

    from mmtscam.apis.explain import Explainer

    return Explainer(config, checkpoint, args.device or get_device(), args.cfg_options)


def choose_maps(explainer: 'Explainer', seen: 'Explanation', kinds: Sequence[str] | None, several: bool) -> list[str]:
    """The kinds of maps to draw of a model."""
    if kinds is None:
        return [seen.map_kind] if several else list(seen.maps)
    if missing := [kind for kind in kinds if kind not in seen.maps]:
        raise ValueError(f'{explainer}: has no {missing[0]} maps, only {" and ".join(seen.maps)}')
    return list(kinds)


def draw_iou(args: argparse.Namespace) -> 'Figure':
    from mmtscam.evaluation.report_reader import load_iou_curves, run_names
    from mmtscam.visualization.figures import plot_iou_curves

    names = args.names or run_names(args.reports)
    runs = {}
    for name, report in zip(names, args.reports, strict=True):
        for result, curve in load_iou_curves(report, args.results).items():
            title = name if len(args.results or ()) < 2 else f'{name}, {result}'
            if title in runs:
                raise ValueError(f'two runs are called {title!r}: give them names with --names')
            runs[title] = curve
    return plot_iou_curves(runs, args.metrics)


def draw_coupling(args: argparse.Namespace) -> 'Figure':
    from mmtscam.visualization.figures import plot_coupling

    explainer = load_model(args.config, args.checkpoint, args)
    labels = None if args.classes is None else [explainer.find_class(name) for name in args.classes]
    seen = explainer.explain(args.image, labels, args.topk)
    if missing := [kind for kind in ('coupled', 'attention', 'semantic') if kind not in seen.maps]:
        raise ValueError(f'{explainer}: couples nothing: it has no {missing[0]} maps, only {" and ".join(seen.maps)}')
    return plot_coupling(
        seen.image,
        seen.maps['attention'][0],
        seen.maps['semantic'],
        seen.boxes['coupled'],
        [f'{explainer.class_name(label)}\n{seen.scores[label]:.2f}' for label in seen.labels],
        explainer.true_boxes(args.image) if args.true_boxes else (),
    )


def draw_layers(args: argparse.Namespace) -> 'Figure':
    from mmtscam.visualization.figures import plot_layers

    explainer = load_model(args.config, args.checkpoint, args)
    seen = explainer.explain(args.image)
    if seen.layers is None and 'attention' in seen.maps:
        raise ValueError(
            f'{explainer}: its blocks are merged to one map: add --cfg-options model.backbone.attn_aggregation=mean'
        )
    if seen.layers is None:
        raise ValueError(f'{explainer}: has no class attention; take a vision transformer or Conformer')
    return plot_layers(seen.image, seen.layers, [block + 1 for block in seen.blocks])


def draw_similarity(args: argparse.Namespace) -> 'Figure':
    from mmtscam.visualization.figures import plot_similarity, token_similarity

    explainer = load_model(args.config, args.checkpoint, args)
    tokens = explainer.tokens(args.image, args.blocks and [parse_block(block) for block in args.blocks])
    image = explainer.explain(args.image).image
    if args.cnn:
        name, config, checkpoint = args.cnn
        found = load_model(config, checkpoint, args).tokens(args.image)
        tokens |= {f'{name}, {block}' if len(found) > 1 else name: value for block, value in found.items()}
    return plot_similarity(image, {name: token_similarity(value) for name, value in tokens.items()})


def parse_block(text: str) -> int | str:
    """Turn a block's number, counted from 1 or from -1, into its index; names stay unchanged."""
    try:
        number = int(text)
    except ValueError:
        return text
    return number - (number > 0)


DRAW = dict(compare=draw_compare, iou=draw_iou, coupling=draw_coupling, layers=draw_layers, similarity=draw_similarity)


def main() -> None:
    args = parse_args()
    from mmtscam.utils.files import check_writable
    from mmtscam.visualization.figures import save_figure
    from mmtscam.visualization.fonts import find_font

    check_writable(args.out)
    if args.font:
        find_font(args.font)  # before models are loaded
    save_figure(DRAW[args.figure](args), args.out, args.dpi, args.font)
    print(f'Written: {args.out}')


if __name__ == '__main__':
    run(main, hints={'font ': '--font'})
