"""Strict loading of a checkpoint into a model."""

from typing import Any

from torch import nn

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
    try:
        # Position embeddings of another input size are interpolated here.
        model.load_state_dict({name.removeprefix('module.'): value for name, value in state.items()})
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'{file}: made for another architecture or number of classes than this config. To evaluate or resume '
            'it, set model.backbone and model.head (num_classes, in_channels) to what it was trained with; to '
            'start from its backbone alone, set model.backbone.init_cfg.checkpoint instead of load_from. First '
            f'differences: {" ".join(str(error).split())[:400]}'
        ) from error
