"""Settings of a training that a resumed run keeps from its checkpoint, whatever the config says by now."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict, _ParamScheduler

_OF_OPTIMIZERS = ('lr', 'weight_decay', 'momentum', 'betas', 'eps')
# Attributes of each schedule: the first change with the steps, the second are the same in all kinds.
_MOVING = {'optimizer', 'last_step', 'base_values', 'verbose'}
_SHARED = {'begin', 'end', 'by_epoch', 'param_name'}
_WAY_OUT = 'start from the weights alone (load_from without --resume)'

Settings = tuple[list[tuple[str, dict[str, Any]]], dict[str, list[dict[str, Any]]]]


def settings_of(param_schedulers: Any, optim_wrapper: Any) -> Settings:
    """The settings of a run's schedules and of its optimizers, without the state that changes with each step.

    Args:
        param_schedulers: The schedules of a Runner; what is not built yet has no
            settings.
        optim_wrapper: Its optimizer wrapper, likewise.

    Returns:
        For each schedule the name of its class and its settings; and for each
        optimizer its place in the config and the settings of each group of
        parameters.
    """
    schedules = [(type(each).__name__, _of_schedule(each)) for each in _schedules(param_schedulers)]
    wrappers: dict[str, Any] = {'optim_wrapper': optim_wrapper}
    if isinstance(optim_wrapper, OptimWrapperDict):
        wrappers = {f'optim_wrapper.{name}': each for name, each in optim_wrapper.items()}
    optimizers = {
        name: [_of_group(group) for group in each.optimizer.param_groups]
        for name, each in wrappers.items()
        if isinstance(each, OptimWrapper)
    }
    return schedules, optimizers


def check_resumable(checkpoint: Mapping[str, Any], asked: Settings, file: str) -> None:
    """Refuse to resume with schedules or optimizers of another number or kind than the checkpoint's.

    mmengine mixes schedules of two kinds, and leaves out those that one side
    has more.

    Args:
        checkpoint: Content of the file: state dicts by mmengine's names.
        asked: :func:`settings_of` the run before it resumes.
        file: Name of the file.

    Raises:
        ValueError: If they differ.
    """
    schedules, optimizers = asked
    states = checkpoint.get('param_schedulers') or []
    states = [each for group in states.values() for each in group] if isinstance(states, Mapping) else list(states)
    kept, wanted = [_names(state) for state in states], [sorted(settings) for _, settings in schedules]
    if kept != wanted:
        raise ValueError(
            f'{file}: its training follows {_listed(kept)}, and the config has other schedules, '
            f'{", ".join(kind for kind, _ in schedules) or "none"}: give the config the same param_scheduler, or '
            f'{_WAY_OUT}'
        )
    state = checkpoint['optimizer']
    for place, groups in optimizers.items():
        own = state.get(place.removeprefix('optim_wrapper.'), {}) if '.' in place else state
        kept_groups = own.get('param_groups', [])
        one, other = (sorted(set(group[0]) & {*_OF_OPTIMIZERS}) if group else [] for group in (kept_groups, groups))
        if len(kept_groups) != len(groups) or one != other:
            raise ValueError(
                f'{file}: its optimizer has {len(kept_groups)} groups of parameters with {", ".join(one)}, and that of '
                f"the config's {place} {len(groups)} with {', '.join(other)}: give the config the same {place}, or "
                f'{_WAY_OUT}'
            )


def _names(state: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in state if name not in _MOVING and not name.startswith('_'))


def _listed(schedules: list[list[str]]) -> str:
    """Schedules by their settings, for their state has no name of the kind."""
    each = [f'a schedule of {", ".join(name for name in names if name not in _SHARED)}' for names in schedules]
    return ' and '.join(each) or 'no schedule'


def kept_settings(asked: Settings, found: Settings) -> Iterator[str]:
    """Say which settings a resumed run keeps.

    Args:
        asked: :func:`settings_of` the run before it resumes, as the config
            says.
        found: :func:`settings_of` the run after it.

    Yields:
        A message for each schedule and each optimizer that the config
        describes otherwise.
    """
    for index, ((_, wanted), (kind, kept)) in enumerate(zip(asked[0], found[0], strict=False)):
        if differing := [name for name in wanted if kept.get(name) != wanted[name]]:
            name = differing[0]
            yield (
                f'param_scheduler[{index}], {kind}: {name} stays {kept.get(name)}, as in the '
                f'checkpoint, and does not become {wanted[name]}, as the config says: to train on with another '
                f'schedule, {_WAY_OUT}'
            )
    for place, groups in asked[1].items():
        if differing := list(_differing(groups, found[1][place])):
            yield (
                f"{place}: the checkpoint's settings stay, and not the config's: {'; '.join(differing)}: to train on "
                f'with other ones, {_WAY_OUT}'
            )


def _differing(asked: list[dict[str, Any]], found: list[dict[str, Any]]) -> Iterator[str]:
    """Each setting that differs, in the first group of parameters where it does."""
    for name in _OF_OPTIMIZERS:
        for index, (wanted, kept) in enumerate(zip(asked, found, strict=True), 1):
            # Without a schedule in the config, the rate stays where the checkpoint's schedule had brought it.
            key = f'initial_{name}' if f'initial_{name}' in wanted else name
            value, other = kept.get(key, kept.get(name)), wanted.get(key)
            if None not in (value, other) and value != other:
                where = f' (parameter group {index} of {len(asked)})' if len(asked) > 1 else ''
                yield f'{name} {value}, not {other}{where}'
                break


def _of_group(group: dict[str, Any]) -> dict[str, Any]:
    names = [*_OF_OPTIMIZERS, *(f'initial_{name}' for name in _OF_OPTIMIZERS)]
    settings = {name: _plain(group[name]) for name in names if name in group}
    if 'betas' in settings and 'initial_momentum' in settings:
        settings['betas'] = settings['betas'][1:]  # mmengine's schedules of the momentum move the first one
    return settings


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _schedules(param_schedulers: Any) -> Iterator[_ParamScheduler]:
    schedulers = param_schedulers or []
    for group in schedulers.values() if isinstance(schedulers, dict) else [schedulers]:
        yield from (each for each in group if isinstance(each, _ParamScheduler))


def _of_schedule(scheduler: _ParamScheduler) -> dict[str, Any]:
    state = scheduler.state_dict()
    return {name: state[name] for name in _names(state)}
