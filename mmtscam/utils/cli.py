"""Arguments that the command-line tools share.

A tool reads its command line before it imports anything heavy, so that
``--help`` and a mistyped flag are answered at once.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any


class _CfgOptions(argparse.Action):
    """mmengine's ``DictAction``, imported only where the flag is used."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest, nargs='+')(parser, namespace, values, option_string)


def add_cfg_options(
    parser: argparse.ArgumentParser,
    help: str = 'override settings of the config: a.b=1, a.c="[1,2]" (no white space)',
    flag: str = '--cfg-options',
) -> None:
    """Add the flag that overrides settings, as every tool of OpenMMLab has it.

    Args:
        parser: The tool's parser.
        help: Explains what is overridden.
        flag: Name of the flag; its value is a dict, or ``None`` where the
            flag is not used.
    """
    parser.add_argument(flag, nargs='+', action=_CfgOptions, metavar='KEY=VALUE', help=help)


def add_model_arguments(parser: argparse.ArgumentParser, checkpoint: str = 'checkpoint file') -> None:
    """Add config and checkpoint, by place."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help=checkpoint)


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every tool that starts a Runner has."""
    parser.add_argument('--work-dir', help='folder for logs and results (default: work_dirs/CONFIG_NAME)')
    parser.add_argument(
        '--amp', action='store_true', help='use mixed precision: bfloat16, or float16 on GPUs that lack it'
    )
    add_cfg_options(parser)
    add_launcher_arguments(parser)


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every tool that runs in several processes."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    # Some launchers pass it beside the environment variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_local_rank(args: argparse.Namespace) -> None:
    """Set ``LOCAL_RANK`` where the launcher has not: mmengine reads it, and MPI names it otherwise."""
    os.environ.setdefault('LOCAL_RANK', os.environ.get('OMPI_COMM_WORLD_LOCAL_RANK', str(args.local_rank)))


def check_at_least(parser: argparse.ArgumentParser, args: argparse.Namespace, least: int, names: Sequence[str]) -> None:
    """End with a message where an argument is below a limit.

    Args:
        parser: The tool's parser.
        args: What it has read.
        least: The lowest value that is allowed.
        names: Arguments, by their names in ``args``; ``None`` passes.
    """
    for name in names:
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name.replace("_", "-")} {value}: must be at least {least}')
