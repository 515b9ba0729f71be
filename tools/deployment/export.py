"""Export a model to ONNX or torch.export: python tools/deployment/export.py CONFIG CHECKPOINT --out FILE [options]."""

import argparse
import os.path as osp
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmtscam.utils.choices import EXPORT_ENDINGS
from mmtscam.utils.cli import add_cfg_options, add_model_arguments, check_at_least, run

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config

    from mmtscam.deployment import CheckImage, ExportModel, Runner
    from mmtscam.localization import Protocol

# The largest difference allowed, as a share of the largest value of each output.
TOLERANCE = 1e-4
BATCHES = (1, 3)
MOST = 16
# The second size is larger by so many patches, of 16 pixels if there are none: neither square nor that of training.
LARGER = (4, 6)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Export a model: an RGB image of 0 to 255 in, scores, maps of all classes and attention out, for '
        'any batch and input size. Before the file gets its name, it is run and compared with the model.'
    )
    add_model_arguments(parser)
    parser.add_argument('--out', required=True, metavar='FILE', help=f'file to write ({" or ".join(EXPORT_ENDINGS)})')
    parser.add_argument('--force', action='store_true', help='replace FILE if it exists')
    parser.add_argument(
        '--input-size',
        type=int,
        nargs='+',
        metavar='N',
        help="SIDE, or HEIGHT WIDTH, that images are resized to (default: the test pipeline's)",
    )
    parser.add_argument('--fixed-size', action='store_true', help='let the file take this input size alone')
    parser.add_argument('--opset', type=int, help="version of ONNX's operators (default: the exporter's own)")
    parser.add_argument(
        '--verify',
        nargs='+',
        metavar='IMAGE',
        help="image files, or folders of them, to compare on (default: noise; with --int8 the config's test set)",
    )
    parser.add_argument('--no-verify', action='store_true', help='neither compare nor time, without onnxruntime')
    parser.add_argument(
        '--int8',
        action='store_true',
        help='give linear layers 8-bit weights: a smaller and faster file for CPUs; prints how many images keep class '
        'and box',
    )
    parser.add_argument(
        '--min-kept',
        type=float,
        default=0.8,
        metavar='SHARE',
        help='of the images that must keep class and box with 8 bits: layers that change too many keep floating point '
        '(default: 0.8)',
    )
    parser.add_argument(
        '--max-images',
        type=int,
        default=500,
        metavar='N',
        help='compare on at most so many images, evenly spread (default: 500)',
    )
    parser.add_argument(
        '--batch-sizes', type=int, nargs='+', default=[1, 16], metavar='N', help='that are timed (default: 1 16)'
    )
    parser.add_argument('--rounds', type=int, default=5, help='how often each is timed (default: 5); 0: not at all')
    add_cfg_options(parser)
    args = parser.parse_args()
    if not args.out.endswith(EXPORT_ENDINGS):
        parser.error(f'--out {args.out}: the name must end in {" or ".join(EXPORT_ENDINGS)}')
    if args.input_size and (len(args.input_size) > 2 or min(args.input_size) < 1):
        parser.error('--input-size takes one positive number or two')
    if args.rounds < 0 or min(args.batch_sizes) < 1:
        parser.error('--batch-sizes must be at least 1 and --rounds at least 0')
    for flag, given in (('--verify', args.verify), ('--int8', args.int8)):
        if given and args.no_verify:
            parser.error(f'{flag} and --no-verify exclude each other')
    for flag, given in (('--opset', args.opset), ('--int8', args.int8)):
        if given and not args.out.endswith('.onnx'):
            parser.error(f'{flag} is for .onnx files')
    if not 0 < args.min_kept <= 1:
        parser.error(f'--min-kept {args.min_kept}: must be a share above 0 and at most 1')
    check_at_least(parser, args, 1, ['max_images'])
    return args


def load(args: argparse.Namespace) -> 'tuple[Config, ExportModel, tuple[int, int]]':
    """Read the config, the model to export, and height and width of the input; list the images in folders."""
    from mmtscam.apis.loading import load_model
    from mmtscam.deployment import ExportModel, pipeline_input_size
    from mmtscam.utils.config import patch_step, read_config
    from mmtscam.utils.files import check_writable
    from mmtscam.utils.images import named_images

    check_writable(args.out)
    if osp.exists(args.out) and not args.force:
        raise FileExistsError(f'{args.out}: exists already; name another file or replace it with --force')
    if args.verify:
        args.verify = named_images(args.verify, args.max_images)
    cfg = read_config(args.config, args.cfg_options)
    size = (args.input_size[0], args.input_size[-1]) if args.input_size else pipeline_input_size(cfg)
    step = patch_step(cfg) or 1
    if size[0] % step or size[1] % step:
        raise ValueError(f'input_size {size[0]}x{size[1]}: sides must be multiples of {step}, the size of a patch')
    return cfg, ExportModel(load_model(cfg, args.checkpoint)), size


def image_source(files: Sequence[str] | None) -> 'Callable[[int, tuple[int, int]], np.ndarray]':
    """Return a function that gives B images (B, 3, H, W) of a size: those of the files, repeated, or noise."""
    import numpy as np

    from mmtscam.deployment import images_of_files

    def noise(batch: int, size: tuple[int, int]) -> np.ndarray:
        return np.random.default_rng(0).uniform(0, 255, (batch, 3, *size)).astype(np.float32)

    def read(batch: int, size: tuple[int, int]) -> np.ndarray:
        chosen = [files[index % len(files)] for index in range(batch)] if files else []
        return np.stack([image.pixels for image in images_of_files(chosen, size)]).astype(np.float32)

    return read if files else noise


def verify(
    model: 'ExportModel', exported: 'Runner', args: argparse.Namespace, cfg: 'Config', size: tuple[int, int]
) -> None:
    """Print how far the file is from the model, and end if that is too far."""
    from mmtscam.deployment import largest_differences
    from mmtscam.utils.config import patch_step

    step = patch_step(cfg) or 16
    sizes = [size] if args.fixed_size else [size, (size[0] + LARGER[0] * step, size[1] + LARGER[1] * step)]
    # The batches are one image alone, and all images, if they are not too many.
    batches = (1, min(len(args.verify), MOST)) if len(args.verify or ()) > 1 else BATCHES
    images = image_source(args.verify)
    print(f'Largest differences from PyTorch, as shares of the largest value (allowed: {TOLERANCE:g}):')
    for height, width in sizes:
        for batch in batches:
            inputs = images(batch, (height, width))
            try:
                differences = largest_differences(model, exported, inputs)
            except Exception as error:  # a graph fails in any way
                raise ValueError(
                    f'{args.out}: not written, since the graph fails for {batch} x {height}x{width}'
                    f'{"" if args.fixed_size else "; try --fixed-size"}: {" ".join(str(error).split())[:400]}'
                ) from error
            listed = ', '.join(f'{name} {value:.1e}' for name, value in differences.items())
            print(f'  {batch} x {height}x{width}: {listed}')
            if max(differences.values()) > TOLERANCE:
                raise ValueError(f'{args.out}: not written, since the graph does not compute what the model does')


def check_images(cfg: 'Config', args: argparse.Namespace, size: tuple[int, int]) -> 'list[CheckImage]':
    """Read the named images, or those of the test set."""
    from mmtscam.deployment import images_of_files, images_of_test_set

    if args.verify:
        return images_of_files(args.verify, size)
    try:
        return images_of_test_set(cfg, size, args.max_images)
    except (OSError, ValueError) as error:
        raise ValueError(f'{error}. 8 bits need images: name files or folders with --verify') from error


def shrink(path: Path, images: 'Sequence[CheckImage]', protocol: 'Protocol', args: argparse.Namespace) -> None:
    """Put a graph with 8 bits in place of the file's, and print what it changes."""
    from mmtscam.deployment import accuracy, compare, quantize_file

    whole = path.stat().st_size
    try:
        result = quantize_file(path, images, protocol, args.min_kept)
    except ValueError as error:
        raise ValueError(f'{args.out}: not written: {error}') from error
    kept, size = compare(result.before, result.after), path.stat().st_size
    print(f'8 bits in {result.quantized} of {result.layers} linear layers, {kept.images} images:')
    print(
        f'  same class {kept.same_class} ({kept.same_class / kept.images:.1%}), same class and box {kept.same_box} '
        f'({kept.same_box / kept.images:.1%}) at threshold {protocol.threshold:g}'
    )
    after = accuracy(result.after, protocol)
    for name, value in accuracy(result.before, protocol).items():
        print(f'  {name}: {value:.2f} % before, {after[name]:.2f} % after')
    print(f'  size: {whole / 1e6:.2f} MB before, {size / 1e6:.2f} MB after, {size / whole:.3f} of it')


def measure(model: 'ExportModel', files: 'dict[str, Runner]', args: argparse.Namespace, size: tuple[int, int]) -> None:
    """Print the time an image takes."""
    import torch

    from mmtscam.deployment import time_in_turn

    images = image_source(args.verify)
    first, *others = files.values()
    print(f'Milliseconds an image on the CPU (threads: {torch.get_num_threads()}), median of {args.rounds} in turn:')
    for batch in args.batch_sizes:
        ours, *theirs = time_in_turn(model, first, images(batch, size), args.rounds, *others)
        times = ', '.join(f'{name} {taken:.1f}' for name, taken in zip(files, theirs, strict=True))
        print(f'  {batch} x {size[0]}x{size[1]}: PyTorch {ours:.1f}, {times}')


def main() -> None:
    """Export, compare, time, and only then give the file its name."""
    args = parse_args()
    from mmtscam.deployment import export_metadata, export_onnx, export_program, load_exported
    from mmtscam.utils.files import unfinished

    cfg, model, size = load(args)
    images = check_images(cfg, args, size) if args.int8 else []
    metadata = export_metadata(model, cfg, args.checkpoint, size, args.fixed_size)
    onnx = args.out.endswith('.onnx')
    name = 'onnxruntime' if onnx else 'exported program'
    with unfinished(args.out) as temporary:
        if onnx:
            export_onnx(model, temporary, metadata, size, args.fixed_size, args.opset)
        else:
            export_program(model, temporary, metadata, size, args.fixed_size)
        if not args.no_verify:
            files = {name: load_exported(temporary, onnx)[0]}
            verify(model, files[name], args, cfg, size)
            if args.int8:
                shrink(temporary, images, model.head.settings.protocol, args)
                files['8 bits'] = load_exported(temporary, onnx)[0]
            if args.rounds:
                measure(model, files, args, size)
    print(f'Written: {args.out}, {Path(args.out).stat().st_size / 1e6:.1f} MB, outputs {", ".join(model.output_names)}')


if __name__ == '__main__':
    run(
        main,
        hints={
            'input_size': '--input-size',
            'fixed_size': '--fixed-size',
            'opset': '--opset',
            'min_kept': '--min-kept',
        },
    )
