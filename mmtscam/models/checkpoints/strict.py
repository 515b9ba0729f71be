"""Strict loading of a checkpoint into a model."""

import textwrap
from typing import Any

from torch import Tensor, nn

from .conversion import is_reference
from .pretrained import unwrap_state


def load_strictly(model: nn.Module, checkpoint: dict[str, Any], file: str) -> None:
    """Load a checkpoint whose names and shapes must all be the model's.

    mmengine loads leniently: a checkpoint of another architecture causes only
    a warning, and wrong numbers.

    Args:
        model: Changed in place.
        checkpoint: The content of a checkpoint file.
        file: Its name, for messages.

    Raises:
        ValueError: If names or shapes differ; names the file and the first
            differences.
    """
    state = unwrap_state(checkpoint)
    if is_reference(state):
        raise ValueError(
            f'{file}: has the names of the released DeiT, Conformer or TS-CAM. A whole TS-CAM is converted with '
            'reference_to_mmtscam.py of the tools; to start from the backbone, set '
            'model.backbone.init_cfg.checkpoint instead of load_from'
        )
    state = {name.removeprefix('module.'): value for name, value in state.items()}
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
            f'{file}: made for another architecture or number of classes than this config. To evaluate or resume '
            'it, set model.backbone and model.head (num_classes, in_channels) to what it was trained with; to '
            'start from its backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from. First '
            f'differences: {textwrap.shorten(str(error), 400, placeholder=" ...")}'
        ) from error


def _other_classes(model: nn.Module, state: dict[str, Tensor]) -> tuple[int, int] | None:
    """The numbers of classes of file and model, where they alone differ, in the first dimension of the head's parts."""
    own = model.state_dict()
    if state.keys() != own.keys():
        return None
    differing = [name for name, value in own.items() if value.shape != state[name].shape]
    found = {(len(state[name]), len(own[name])) for name in differing if state[name].ndim and own[name].ndim}
    alike = all(name.startswith('head.') and state[name].shape[1:] == own[name].shape[1:] for name in differing)
    return next(iter(found)) if alike and len(found) == 1 else None
