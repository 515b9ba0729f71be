"""What the command-line tools share: arguments, and how a tool ends.

A tool reads its command line before it imports anything heavy, so that
``--help`` and a mistyped flag are answered at once. It therefore imports
at its top only this module and what is as light; each function imports what
else it needs. This is the whole of a tool::

    def parse_args() -> argparse.Namespace: ...

    def main() -> None:
        args = parse_args()
        from mmtscam.somewhere import something_heavy
        ...

    if __name__ == '__main__':
        run(main)
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Of every tool that reads a config, for messages that name a setting.
_CONFIG_HINT = {'set model.': 'in the config, or with --cfg-options'}


def run(main: Callable[[], None], hints: Mapping[str, str] | None = None) -> None:
    """Run a tool and end it with one line where a user can mend what is wrong.

    The line is the message of a ``ValueError`` that this package or the tool
    itself raised, of an ``OSError`` or of an ``ImportError``; the exit code
    is then 1. Everything else keeps its traceback: it is a bug, or comes from
    the user's own code, where the place matters more than the message.
    Ctrl-C ends the tool with 130, and with the interruption's message if it
    has one.

    Args:
        main: The tool.
        hints: A word of the library's messages, as the name of a parameter,
            to what the tool has for it, as ``'--batch-size'``. It is added to
            the messages in which the word stands.

    Raises:
        SystemExit: In place of the errors above.
    """
    try:
        main()
    except KeyboardInterrupt as stop:
        print(stop if str(stop) else 'interrupted', file=sys.stderr)
        raise SystemExit(130) from None
    except (ValueError, OSError, ImportError) as error:
        if isinstance(error, ValueError) and not _is_message(error, main.__module__):
            raise
        message = str(error) or type(error).__name__
        found = [hint for word, hint in {**_CONFIG_HINT, **(hints or {})}.items() if word in message]
        raise SystemExit(message + ''.join(f' ({hint})' for hint in found)) from error


def _is_message(error: Exception, tool: str) -> bool:
    """Whether this package or the tool raised it, for the user to read."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get('__name__', '') if trace else ''
    return name == tool or name.partition('.')[0] == 'mmtscam'


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


def add_subset_argument(parser: argparse.ArgumentParser) -> None:
    """Add the flag of every check of a data set that is published with its numbers."""
    parser.add_argument(
        '--allow-subset', action='store_true', help='accept a part of the data set: say that numbers differ, no error'
    )


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
