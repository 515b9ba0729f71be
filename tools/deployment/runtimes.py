"""Try an ONNX file in other runtimes: python tools/deployment/runtimes.py CONFIG CHECKPOINT FILE.onnx --images DIR."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mmtscam.utils.cli import add_cfg_options, add_model_arguments, check_at_least, run

if TYPE_CHECKING:
    import numpy as np

    from mmtscam.deployment.trials import Trial

# The second and third size are larger by so many patches, of 16 pixels if there are none.
LARGER = ((0, 0), (4, 6), (2, 7))
HEADINGS = ('runtime', 'version', 'loads', 'free sizes', 'largest error', 'equal boxes', 'time', 'first message')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Try an exported ONNX file in each runtime that is installed, on the CPU: whether it loads, takes '
        'several sizes, computes what PyTorch does, draws the same boxes, and its processor time beside onnxruntime.'
    )
    add_model_arguments(parser)
    parser.add_argument('file', help='the ONNX file that tools/deployment/export.py wrote of it')
    parser.add_argument('--images', nargs='+', required=True, metavar='PATH', help='image files, or folders with them')
    parser.add_argument('--num-images', type=int, default=50, metavar='N', help='to take evenly of them (default: 50)')
    parser.add_argument(
        '--sizes', nargs='+', metavar='HEIGHTxWIDTH', help="input sizes (default: the file's, and two larger ones)"
    )
    parser.add_argument(
        '--batch-sizes', type=int, nargs='+', default=[1, 2], metavar='N', help='images at once (default: 1 2)'
    )
    parser.add_argument('--runtimes', nargs='+', metavar='NAME', help='to try (default: all)')
    parser.add_argument('--node-folder', default='.', help='folder in which npm install was run (default: this one)')
    parser.add_argument('--threads', type=int, default=1, help='of each runtime (default: 1)')
    parser.add_argument('--rounds', type=int, default=9, help='how often each is timed (default: 9)')
    parser.add_argument('--out', metavar='FILE', help='write the table to this file, too')
    add_cfg_options(parser)
    args = parser.parse_args()
    check_at_least(parser, args, 1, ['num_images', 'threads', 'rounds'])
    if min(args.batch_sizes) < 1:
        parser.error('--batch-sizes must be at least 1')
    for size in args.sizes or ():
        if len(size.split('x')) != 2 or not all(side.isdecimal() and int(side) for side in size.split('x')):
            parser.error(f'--sizes {size}: HEIGHTxWIDTH expected, such as 224x320')
    return args


def make_batches(
    files: Sequence[str], sizes: Sequence[tuple[int, int]], batch_sizes: Sequence[int]
) -> 'tuple[int, Iterator[np.ndarray]]':
    """All images in each size, an equal share of them in each batch size: the number of batches, and the batches."""
    import numpy as np

    from mmtscam.deployment import images_of_files

    share = -(-len(files) // len(batch_sizes))
    groups = [
        files[start : min(start + size, first + share)]
        for size, first in zip(batch_sizes, range(0, len(files), share), strict=False)
        for start in range(first, min(first + share, len(files)), size)
    ]

    def read(paths: Sequence[str], size: tuple[int, int]) -> 'np.ndarray':
        return np.stack([image.pixels for image in images_of_files(paths, size)]).astype(np.float32)

    return len(groups) * len(sizes), (read(group, size) for size in sizes for group in groups)


def choose_runtimes(wanted: Sequence[str] | None) -> list[str]:
    """Names of the runtimes to try, spelled in any case."""
    from mmtscam.deployment.runtimes import RUNTIMES

    known = {name.casefold(): name for name in RUNTIMES}
    if unknown := [name for name in wanted or () if name.casefold() not in known]:
        raise ValueError(f'--runtimes {unknown[0]}: not known; these are: {", ".join(RUNTIMES)}')
    return [known[name.casefold()] for name in wanted or RUNTIMES]


def line(cells: Sequence[str]) -> str:
    """A line of a table in Markdown."""
    return f'| {" | ".join(cells)} |'


def row(name: str, version: str, trial: 'Trial') -> tuple[str, ...]:
    """A row of the table."""
    remark = trial.remark.replace('|', '/')[:120]
    if not trial.loads:
        return name, version, 'no', '', '', '', '', remark
    sizes = 'yes' if trial.free_sizes else 'no: loaded for each'
    error, time = f'{trial.error:.1e}', f'{trial.time:.2f}'
    return name, version, 'yes', sizes, error, f'{trial.equal_boxes} of {trial.boxes}', time, remark


def read_metadata(args: argparse.Namespace) -> dict[str, Any]:
    """The metadata of the file, if it was exported from this checkpoint."""
    from mmtscam.deployment import load_exported
    from mmtscam.utils.files import file_sha256

    if not os.path.isfile(args.file):
        raise FileNotFoundError(f'{args.file}: file not found; tools/deployment/export.py writes it')
    try:
        _, metadata = load_exported(args.file, onnx=True)
    except ImportError:
        raise
    except Exception as error:  # onnxruntime's have no common class
        what = ' '.join(str(error).split())[:200]
        raise ValueError(f'{args.file}: no ONNX file that tools/deployment/export.py wrote: {what}') from error
    if metadata['checkpoint_sha256'] not in (None, file_sha256(args.checkpoint)):
        raise ValueError(f'{args.file}: was exported from another checkpoint than {args.checkpoint}: export it again')
    return metadata


def main() -> None:
    """Run PyTorch first, then one runtime after the other."""
    args = parse_args()
    names = choose_runtimes(args.runtimes)
    from mmtscam.utils.files import check_writable, unfinished
    from mmtscam.utils.images import named_images

    if args.out:
        check_writable(args.out)
    images = named_images(args.images, args.num_images)
    metadata = read_metadata(args)
    import torch

    from mmtscam.apis.loading import load_model
    from mmtscam.datasets.preparation.cli import show_progress
    from mmtscam.deployment import ExportModel
    from mmtscam.deployment.runtimes import RUNTIMES, Job
    from mmtscam.deployment.trials import store_batches, time_of_pytorch, try_runtime
    from mmtscam.utils.config import patch_step, read_config

    torch.set_num_threads(args.threads)
    cfg = read_config(args.config, args.cfg_options)
    model, step = ExportModel(load_model(cfg, args.checkpoint)), patch_step(cfg) or 16
    height, width = metadata['input_size']
    larger = LARGER[: 1 if metadata['fixed_size'] else None]
    sizes = [(height + below * step, width + right * step) for below, right in larger]
    if args.sizes:
        sizes = [(int(size.split('x')[0]), int(size.split('x')[1])) for size in args.sizes]
    lines = [line(HEADINGS), line(['---'] * len(HEADINGS))]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(args.file, model.output_names, args.threads, folder, args.node_folder)
        number, batches = make_batches(images, sizes, args.batch_sizes)
        listed = ', '.join(f'{below}x{right}' for below, right in sizes)
        print(f'{len(images)} images in {listed}, {" and ".join(map(str, args.batch_sizes))} at once', flush=True)
        files = store_batches(model, batches, folder, number, show_progress)
        time = time_of_pytorch(model, job, files[0], args.rounds)
        lines.append(line(['PyTorch', torch.__version__, 'yes', 'yes', '0', '', f'{time:.2f}', '']))
        for name in names:
            version = RUNTIMES[name].version(args.node_folder)
            if version is None:
                print(f'{name}: skipped, not installed: {RUNTIMES[name].install}', flush=True)
                continue
            lines.append(
                line(
                    row(
                        name,
                        version,
                        try_runtime(name, job, files, model.head.settings.protocol, args.rounds, show_progress),
                    )
                )
            )
            print(lines[-1], flush=True)
    table = '\n'.join(lines)
    print(f'\nTime: of the processor, of one image of {height}x{width}, relative to onnxruntime\n\n{table}')
    if args.out:
        with unfinished(args.out) as temporary:
            temporary.write_text(table + '\n', encoding='utf-8')


if __name__ == '__main__':
    run(main)
