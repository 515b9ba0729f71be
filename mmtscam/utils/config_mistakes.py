"""Mistakes in a config or in data, in one sentence, where a library says them with a traceback."""

import linecache
import os
import re
from pathlib import Path
from types import FrameType

from .tracebacks import traces

# Their own errors while a part is built are about its arguments; those of other code may be bugs.
_LIBRARIES = {'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'torch', 'torchvision', 'timm'}
_ARGUMENTS = re.compile(r'__init__\(\) (got an unexpected keyword|got multiple values|missing \d+ required|takes )')
_REFUSED = re.compile(r'\(\) (got an unexpected keyword|got multiple values|missing \d+ required)')
# Where mmengine hands a section of the config on by itself, without a registry; the section.
_SECTIONS = {
    'mmengine.runner.runner.__init__': 'randomness',
    'mmengine.runner.runner.setup_env': 'env_cfg',
    'mmengine.runner.runner.build_train_loop': 'train_cfg',
    'mmengine.runner.runner.build_val_loop': 'val_cfg',
    'mmengine.runner.runner.build_test_loop': 'test_cfg',
    'mmengine.runner.runner.build_dataloader': 'the dataloader',
    'mmengine.runner.runner.build_log_processor': 'log_processor',
}
# They look at values of the config, and so do we.
_REFUSING = ('mmengine.runner.', 'mmengine.registry.', 'mmtscam.')
_BUILD = 'mmengine.registry.build_functions.build_from_cfg'
_SCHEDULERS = 'mmengine.registry.build_functions.build_scheduler_from_cfg'
_SIZES = re.compile(r'stack expects each tensor to be equal size, but got (\[.*?\]) at entry 0 and (\[.*?\]) at entry')
_IN_WORKER = re.compile(r'^Caught \w+ in DataLoader worker process')
_WORKER_GONE = re.compile(r'^DataLoader worker \(pid.*\) (is killed|exited)')
_NO_PART = re.compile(r'cfg should be a dict')
_OWN = os.path.join(Path(__file__).parents[1], '')
_UNKNOWN = re.compile(r'(\S+) is not in the \S*?(\w+) registry')


def explain(error: BaseException) -> str | None:
    """Say in one sentence what is wrong with a config or the data.

    Args:
        error: An error that ended a tool.

    Returns:
        The sentence; ``None`` where the error does not come from them, or may
        be a bug in somebody's code.
    """
    message = str(error.args[0]) if error.args else ''
    frames = _frames(error)
    names = [_where(frame) for frame in frames]
    in_batch = any(name.rpartition('.')[2].endswith('collate') for name in names) or 'collate' in message
    if in_batch and (found := _SIZES.search(message)):
        return (
            f'images of the sizes {found[1]} and {found[2]} cannot be in one batch: let the pipeline end with images '
            'of one size (Resize, RandomCrop), or set batch_size=1'
        )
    if _IN_WORKER.match(message):
        return _from_worker(message)
    if isinstance(error, RuntimeError) and _WORKER_GONE.match(message):
        return 'a process that reads images was killed, perhaps for lack of memory: have fewer (num_workers)'
    if isinstance(error, KeyError):
        if found := _UNKNOWN.search(message):
            return (
                f'{found[1]}: no {found[2]} of this name is registered: correct type in the config, or name the '
                "module that registers it in the config's custom_imports"
            )
        if names and names[-1].startswith('mmengine.config.') and 'mmengine.runner.runner.from_cfg' in names:
            return f'{message}: the config has no such key, which every run needs: it is no complete config'
        if names and names[-1] == 'mmpretrain.models.utils.data_preprocessor.forward':
            return f"a data set's pipeline gives no {message}: let PackLocInputs be its last step"
        if names and names[-1] == 'mmengine.hooks.checkpoint_hook._save_best_checkpoint':
            return (
                f'{message}: no metric of the validation has this name: let default_hooks.checkpoint.save_best be one '
                "that val_evaluator prints, 'auto', or None"
            )
        return None
    if 'mmengine.optim.optimizer.default_constructor.__call__' in names and message == 'None is not a callable object':
        frame = frames[names.index('mmengine.optim.optimizer.default_constructor.__call__')]
        kind = getattr(frame.f_locals.get('self'), 'optimizer_cfg', {}).get('type')
        return f'{kind}: no optimizer of this name is registered: correct optim_wrapper.optimizer.type in the config'
    if isinstance(error, TypeError) and _NO_PART.match(message):
        return _no_part(frames)
    built = [place for place, name in enumerate(names) if name == _BUILD]
    loader = [place for place, name in enumerate(names) if name == 'torch.utils.data.dataloader.__init__']
    if isinstance(error, TypeError) and built and _ARGUMENTS.search(message) and _binds(frames[built[-1] :], message):
        return f'{message}: correct the config: it names this class with arguments that it does not take'
    if isinstance(error, TypeError) and _REFUSED.search(message) and (section := _section(names)):
        return f'{message}: correct {section} in the config: it has this argument wrong, or lacks it'
    if isinstance(error, TypeError) and names:
        if names[-1].startswith(_REFUSING) and _is_raised(error):
            return f'{" ".join(message.split())}: correct the config'
        if names[-1].startswith('mmengine.optim.'):
            return f'{message}: a number of optim_wrapper or param_scheduler in the config is none'
    if isinstance(error, TypeError | ValueError | AssertionError) and (built or loader):
        part = 'DataLoader' if loader else getattr(frames[built[-1]].f_locals.get('obj_cls'), '__name__', 'a part')
        inner = names[(loader or built)[-1] + 1 :]
        if loader or (inner and inner[-1].partition('.')[0] in _LIBRARIES):
            return f'{part}: {" ".join(message.split())}: correct its arguments in the config'
    return None


def _is_raised(error: BaseException) -> bool:
    """Whether a ``raise`` stands where the error comes from; what Python itself finds may be a bug there."""
    last = traces(error)[-1]
    return linecache.getline(last.tb_frame.f_code.co_filename, last.tb_lineno).lstrip().startswith('raise ')


def built_part(error: BaseException) -> str | None:
    """Name of the class of the part that was built from a config when an error was raised; ``None`` without one."""
    frames = [frame for frame in _frames(error) if _where(frame) == _BUILD]
    return getattr(frames[-1].f_locals.get('obj_cls'), '__name__', None) if frames else None


def _no_part(frames: list[FrameType]) -> str:
    """The message for a part of a config that is no dict, with the name of the setting."""
    value = frames[-1].f_locals.get('cfg')
    builders = [frame for frame in frames if not _where(frame).startswith('mmengine.registry.')]
    # Whoever builds the part has its config as an argument, under the name of the setting.
    found = [name for name, each in builders[-1].f_locals.items() if each is value] if builders else []
    return f'{found[0] if found else "a part"} of the config must be a dict with type, got {value!r}'


def _binds(frames: list[FrameType], message: str) -> bool:
    """Whether arguments of a config were refused: at once, or by a base class to which they were handed on."""
    if len(frames) == 1:
        return True
    kind = frames[0].f_locals.get('obj_cls')
    refused = message.partition('.__init__')[0]
    return any(refused == base.__name__ for base in getattr(kind, '__mro__', ())[1:])


def _section(names: list[str]) -> str | None:
    """The section of the config that mmengine itself took for arguments when they were refused."""
    if _SCHEDULERS in names and names[-1].startswith('mmengine.optim.scheduler.'):
        return 'param_scheduler'
    return _SECTIONS.get(names[-1]) if names else None


def _from_worker(message: str) -> str | None:
    """The message of an error of ours that PyTorch hands on from a loader's process as the text of its traceback."""
    *frames, last = message.rstrip().splitlines()
    files = [line.strip() for line in frames if line.strip().startswith('File "')]
    kind, _, text = last.partition(': ')
    return text if kind in ('ValueError', 'FileNotFoundError') and files and _OWN in files[-1] else None


def _frames(error: BaseException) -> list[FrameType]:
    return [trace.tb_frame for trace in traces(error)]


def _where(frame: FrameType) -> str:
    return f'{frame.f_globals.get("__name__", "")}.{frame.f_code.co_name}'
