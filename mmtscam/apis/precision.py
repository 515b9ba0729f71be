"""Images in the precision of a model's weights."""

from typing import Any

from torch import Tensor, nn


def in_precision_of(model: nn.Module, inputs: Any) -> Any:
    """Normalised images in the precision of a model, which its user may have changed, as ``model.half()`` does.

    The data preprocessor gives ``float32`` whatever the weights are, and PyTorch
    refuses to multiply the two.

    Args:
        model: A model with parameters.
        inputs: ``(B, 3, H, W)`` float images, or a list of such, one for each view.

    Returns:
        The same images, cast where the precisions differ.
    """
    if not isinstance(inputs, Tensor):
        return [in_precision_of(model, each) for each in inputs]
    return inputs.to(next(model.parameters()).dtype)
