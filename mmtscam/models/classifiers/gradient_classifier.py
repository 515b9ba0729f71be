"""A classifier that keeps what maps from gradients need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmpretrain.models.classifiers import ImageClassifier
from torch import Tensor, nn

from mmtscam.localization.precision import without_autocast
from mmtscam.models.refinements import BaseGradientMap
from mmtscam.registry import MODELS


@MODELS.register_module()
class GradientClassifier(ImageClassifier):
    """mmpretrain's ``ImageClassifier`` for heads whose ``refine`` is a :class:`BaseGradientMap`.

    In evaluation the backbone runs in full precision and keeps what a backward
    pass needs, even under ``torch.no_grad``; parameters get no gradient.
    Training is the same. Checkpoints of an ``ImageClassifier`` fit.

    Args:
        *args: Arguments of ``ImageClassifier``.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: If the head makes no map from gradients.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault('data_preprocessor', dict(type='mmpretrain.ClsDataPreprocessor'))
        super().__init__(*args, **kwargs)
        if not isinstance(getattr(self.head, 'refine', None), BaseGradientMap):
            raise ValueError(
                'GradientClassifier is for maps from gradients: set model.head.refine to one, such as '
                "dict(type='InputGradient'), or model.type='mmpretrain.ImageClassifier'"
            )

    def extract_feat(self, inputs: Tensor, stage: str = 'neck') -> Any:
        """Run backbone and neck.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            stage: Where to stop, as for ``ImageClassifier``.

        Returns:
            Their output; in evaluation one whose class scores have gradients.
        """
        extract = super().extract_feat
        if self.training:
            return extract(inputs, stage)
        with torch.enable_grad(), without_autocast(inputs), _frozen(self):
            return self.head.refine.watched(self, inputs, lambda images: extract(images, stage))


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let the parameters ask for no gradient, so that nothing is kept for theirs."""
    asking = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in asking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in asking:
            parameter.requires_grad_(True)
