"""Arguments that several command-line tools share, and the way in which a tool ends.

A tool reads its command line before it imports anything heavy, so that
``--help`` and a mistyped flag are answered at once. At its top it therefore
imports only this module and other light ones. Each function imports the rest
of what it needs. A tool has this form::

    def parse_args() -> argparse.Namespace: ...

    def main() -> None:
        args = parse_args()
        from mmtscam.somewhere import something_heavy
        ...

    if __name__ == '__main__':
        run(main)
"""

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .choices import COCO_LAYOUTS
from .peers import fail, promise_to_tell
from .printable import one_line
from .stopping import stoppable
from .tracebacks import traces

# A hint of every tool that reads a config, for messages that name a setting.
_CONFIG_HINT = {'set model.': 'in the config, or with --cfg-options'}


def run(main: Callable[[], None], hints: Mapping[str, str] | None = None) -> None:
    """Run a tool, and end it with one line where a user can mend the error.

    The line is the message of a ``ValueError`` that this package or the tool
    itself raised, of an ``OSError`` or of an ``ImportError``, or says which
    part of a config a library refuses; the exit code is then 1. All other
    errors keep their traceback: they are bugs, or come from the user's own
    code, where the place matters more than the message.
    Ctrl-C ends the tool with exit code 130, and SIGTERM with 143: both tidy up
    what is unfinished, and print the interruption's message if it has one.
    Lines of a log that a full disk refuses are lost without a traceback each.
    An error in one process of a distributed run ends the others, see
    :mod:`mmtscam.utils.peers`.

    Args:
        main: The tool.
        hints: A word in the library's messages, such as the name of a
            parameter, to the tool's flag for it, such as ``'--batch-size'``.
            The flag is added to messages that contain the word, not as a part
            of another one or of a path.

    Raises:
        SystemExit: In place of the errors above.
    """
    _check_words(sys.argv)
    logging.raiseExceptions = False
    promise_to_tell()
    with stoppable() as received:
        try:
            _run(main, {**_CONFIG_HINT, **(hints or {})}, received)
        except KeyboardInterrupt as stopped:
            terminated = signal.SIGTERM in received
            print(fail(str(stopped) or ('terminated' if terminated else 'interrupted')), file=sys.stderr)
            raise SystemExit(128 + (signal.SIGTERM if terminated else signal.SIGINT)) from None


def _check_words(words: Sequence[str]) -> None:
    """Refuse a command with an empty word, which stands for no file, folder, name or number."""
    if '' in words[1:]:
        before = words[words.index('', 1) - 1]
        raise SystemExit(f"the argument after {before} is empty (''): is a variable of the shell not set?")


def _run(main: Callable[[], None], hints: Mapping[str, str], received: Sequence[int]) -> None:
    """Run a tool, and end it as :func:`run` does where it is not interrupted, be it while it fails."""
    try:
        main()
    except SystemExit as end:
        if end.code:
            fail(str(end.code))
        raise
    except Exception as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # mmengine takes one for a mistake in the config
            raise error.__context__ from None
        if received:  # as of a loader whose worker was interrupted too
            raise KeyboardInterrupt from None
        message = _message(error, main.__module__)
        if message is None:
            fail(None)
            raise
        found = [hint for word, hint in hints.items() if _has_word(message, word)]
        raise SystemExit(fail(message + ''.join(f' ({hint})' for hint in found))) from error


def _has_word(message: str, word: str) -> bool:
    """Whether a word, or several, or the beginning of one such as ``'layout='``, stands alone in a message."""
    end = r'(?![\w/])' if re.search(r'\w$', word) else ''
    return re.search(rf'(?<![\w/]){re.escape(word)}{end}', message) is not None


def _message(error: Exception, tool: str) -> str | None:
    """The line for the user; ``None`` for what is no user's fault, or cannot be told from a bug."""
    if isinstance(error, OSError | ImportError) or (isinstance(error, ValueError) and _is_message(error, tool)):
        return one_line(str(error)) or type(error).__name__
    from .config_mistakes import explain

    message = explain(error)
    return message and one_line(message)


def _is_message(error: Exception, tool: str) -> bool:
    """Whether this package or the tool raised the error, for the user to read."""
    found = traces(error)
    name = found[-1].tb_frame.f_globals.get('__name__', '') if found else ''
    return name == tool or name.partition('.')[0] == 'mmtscam'


class _CfgOptions(argparse.Action):
    """mmengine's ``DictAction``, imported only where the flag is used."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        for value in values:
            key, sign, _ = value.partition('=')
            if not (key and sign):
                raise argparse.ArgumentError(self, f'KEY=VALUE expected, got {value!r}')
            if re.search(r'[^\s,(\[=]\s+[^\s,)\]]', value):
                raise argparse.ArgumentError(
                    self,
                    f'{value!r} has white space within a value, which mmengine takes out: set it in a config, or link '
                    'the file or folder to a path without',
                )
        from mmengine.config import DictAction

        try:
            DictAction(self.option_strings, self.dest, nargs='+')(parser, namespace, values, option_string)
        except (AssertionError, ValueError, RecursionError) as error:
            raise argparse.ArgumentError(self, f'{" ".join(values)!r} cannot be read: {error}') from error


def add_cfg_options(
    parser: argparse.ArgumentParser,
    help: str = 'override settings of the config: a.b=1, a.c="[1,2]" (no white space)',
    flag: str = '--cfg-options',
) -> None:
    """Add the flag that overrides settings, with the syntax of OpenMMLab's tools.

    Args:
        parser: The tool's parser.
        help: Help text of the flag.
        flag: Name of the flag; its value is a dict, or ``None`` where the
            flag is not used.
    """
    parser.add_argument(flag, nargs='+', action=_CfgOptions, metavar='KEY=VALUE', help=help)


def add_model_arguments(parser: argparse.ArgumentParser, checkpoint: str = 'checkpoint file') -> None:
    """Add config and checkpoint as positional arguments."""
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
    """Add the flag of checks of published data sets, whose numbers of images are known."""
    parser.add_argument(
        '--allow-subset', action='store_true', help='accept a part of the data set: say that numbers differ, no error'
    )


def add_coco_arguments(parser: argparse.ArgumentParser, place: str) -> None:
    """Add the flags of every tool that writes COCO files.

    Args:
        parser: The tool's parser.
        place: The folder that a layout fills, for the help.
    """
    parser.add_argument(
        '--layout',
        choices=COCO_LAYOUTS,
        default='plain',
        help=f'plain: the COCO file alone; else {place} gets the file and copies of the images, laid out as '
        'datumaro, rfdetr or Hugging Face (imagefolder) want them; flat: as datumaro, image names without folders '
        '(default: plain)',
    )
    parser.add_argument(
        '--first-category-id',
        type=int,
        choices=(0, 1),
        default=1,
        help='1 suits ultralytics, 0 sahi, pylabel and transformers (default: 1)',
    )


def add_view_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of test-time augmentation."""
    parser.add_argument(
        '--tta', action='store_true', help='average over mirrored views and a second size of each image'
    )
    parser.add_argument(
        '--ten-crop', action='store_true', help='let ten crops classify instead of the whole image; slow'
    )
    parser.add_argument(
        '--zoom',
        action='store_true',
        help='look once more, at the part around the predicted box: it classifies, and its map is averaged in',
    )


def chosen_views(args: argparse.Namespace) -> dict[str, bool]:
    """Those flags of :func:`add_view_arguments` that are given, as arguments of ``use_views``; empty without any."""
    return {name: True for name in ('tta', 'ten_crop', 'zoom') if getattr(args, name)}


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every tool that runs in several processes."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    # Some launchers pass this flag beside the environment variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_local_rank(args: argparse.Namespace) -> None:
    """Set ``LOCAL_RANK``, which mmengine reads, where the launcher has not: MPI uses another name."""
    os.environ.setdefault('LOCAL_RANK', os.environ.get('OMPI_COMM_WORLD_LOCAL_RANK', str(args.local_rank)))


def check_at_least(parser: argparse.ArgumentParser, args: argparse.Namespace, least: int, names: Sequence[str]) -> None:
    """End with a message where an argument is below a limit.

    Args:
        parser: The tool's parser.
        args: Arguments that the parser has read.
        least: The lowest value that is allowed.
        names: Names of the arguments in ``args``; a value of ``None`` passes.
    """
    for name in names:
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name.replace("_", "-")} {value}: must be at least {least}')
