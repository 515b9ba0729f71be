"""Strict loading of a checkpoint into a model."""

import textwrap
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from .differences import fitting_settings, seems
from .pretrained import weights_of


def load_strictly(model: nn.Module, checkpoint: dict[str, Any], file: str) -> dict[str, Tensor]:
    """Load a checkpoint whose names and shapes must all be the model's.

    mmengine loads leniently: a checkpoint of another architecture causes only
    a warning, and wrong numbers.

    Args:
        model: Changed in place.
        checkpoint: The content of a file, under the names of any library.
        file: Its name, for messages.

    Returns:
        The parameters under the model's names.

    Raises:
        ValueError: If names or shapes differ; names the file, what it seems
            to hold and the first differences.
    """
    state = weights_of(checkpoint, file)
    if classes := _other_classes(model, state):
        raise ValueError(
            f'{file}: has {classes[0]} classes and this config {classes[1]}: set model.head.num_classes={classes[0]}; '
            'to start from its backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from'
        )
    try:
        # Position embeddings of another input size are interpolated here.
        model.load_state_dict(state)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'{file}: {_reason(model, state)}; to start from its backbone alone, set '
            'model.backbone.init_cfg.checkpoint instead of load_from. '
            f'First differences: {textwrap.shorten(str(error), 400, placeholder=" ...")}'
        ) from error
    return state


def _reason(model: nn.Module, state: Mapping[str, Tensor]) -> str:
    """Which part of a model does not fit to a file, and what to do."""
    if not any(name.startswith('backbone.') for name in state):
        return f'holds no backbone and head of a config, it seems to be {seems(state)} of another library'
    own = model.state_dict()
    names = {
        name
        for name in own.keys() | state.keys()
        if not (name in own and name in state and (own[name].shape == state[name].shape or 'pos_embed' in name))
    }
    parts = {name.partition('.')[0] for name in names}
    if 'backbone' in parts:
        found = {name.removeprefix('backbone.'): value for name, value in state.items() if name.startswith('backbone.')}
        advice = (
            fitting_settings(model.get_submodule('backbone'), found) or 'set model.backbone to what it was trained with'
        )
        return f'does not fit this config: its backbone seems to be {seems(found)}; {advice}'
    heads = [sorted({name.split('.')[1] for name in each if name.startswith('head.')}) for each in (state, own)]
    if parts <= {'head'} and heads[0] != heads[1]:
        theirs, ours = (' and '.join(each) or 'nothing' for each in heads)
        kind = type(getattr(model, 'head', None)).__name__
        return f'does not fit this config: its head has {theirs} and this {kind} {ours}; set model.head to its own'
    return (
        f'does not fit this config in {" and ".join(sorted(parts)) or "position embeddings"}; set what it was trained '
        'with, such as model.head.num_classes and in_channels'
    )


def _other_classes(model: nn.Module, state: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """The numbers of classes of file and model, where they alone differ, in the first dimension of the head's parts."""
    own = model.state_dict()
    if state.keys() != own.keys():
        return None
    differing = [name for name, value in own.items() if value.shape != state[name].shape and 'pos_embed' not in name]
    found = {(len(state[name]), len(own[name])) for name in differing if state[name].ndim and own[name].ndim}
    alike = all(name.startswith('head.') and state[name].shape[1:] == own[name].shape[1:] for name in differing)
    return next(iter(found)) if alike and len(found) == 1 else None
