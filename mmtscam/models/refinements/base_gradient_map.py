"""The base of maps that come from the gradient of the class scores."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmtscam.localization.precision import without_autocast
from mmtscam.structures import MapKind

from .base_refinement import BaseRefinement


class BaseGradientMap(BaseRefinement):
    """Makes the map of a class from the gradient of its score.

    The score is the class's logit. Its gradient is taken on a *target*, which
    is the image or the output of a layer. So the classifier must be a
    :class:`~mmtscam.models.GradientClassifier`, whose backbone keeps what a
    backward pass needs. There is one backward pass for each class of the
    batch. Parameters get no gradient.
    """

    def __init__(self) -> None:
        super().__init__()

    def kind(self, kinds: Sequence[MapKind]) -> MapKind:
        """The kind of map, whatever others the head makes."""
        return MapKind(self.name, self.title)

    @abstractmethod
    def watch(self, model: nn.Module, images: Tensor, run: Callable[[Tensor], Any]) -> tuple[Any, Tensor]:
        """Run a backbone and keep the target.

        Args:
            model: The classifier.
            images: ``(B, 3, H, W)`` normalised images.
            run: The backbone and neck, with gradients.

        Returns:
            Their output, and the target, a tensor with B rows that the output
            depends on.
        """

    @abstractmethod
    def from_gradient(self, target: Tensor, gradient: Tensor, feats: Any) -> Tensor:
        """Make a map of each image.

        Args:
            target: The target, see :meth:`watch`.
            gradient: Gradient of a class score of each image on it, of the
                same shape.
            feats: The backbone's output.

        Returns:
            ``(B, h, w)`` maps.
        """

    def watched(self, model: nn.Module, images: Tensor, run: Callable[[Tensor], Any]) -> Any:
        """Run a backbone so that :meth:`refined` can go back to the target from its output."""
        feats, target = self.watch(model, images, run)
        # The target lives as long as this output: several looks at an image may be open at once.
        _first_tensor(feats).gradient_target = target  # type: ignore[attr-defined]
        return feats

    def refined(
        self, head: Any, feats: Any, prepared: Any, maps: Mapping[str, Tensor], labels: Tensor | None
    ) -> Tensor:
        """Make the maps, see :meth:`BaseRefinement.refined`.

        Raises:
            ValueError: If the classifier is no ``GradientClassifier``.
        """
        target = getattr(_first_tensor(feats), 'gradient_target', None)
        if target is None:
            raise ValueError(
                f'{type(self).__name__} needs the gradient of class scores, which is not kept here: set '
                "model.type='GradientClassifier'; exported graphs have no gradients"
            )
        found: list[Tensor] = []
        with torch.enable_grad(), without_autocast(target):
            scores = head(feats)
            rows = torch.arange(len(scores), device=scores.device)
            if labels is None:
                labels = torch.arange(scores.shape[1], device=scores.device).expand_as(scores)
            for place, column in enumerate(labels.unbind(dim=1)):
                # A true class that is among the Top-k of every image costs no backward pass of its own.
                before = labels[:, :place] == column.unsqueeze(1)
                if place and bool(before.any(dim=1).all()):
                    found.append(torch.stack(found, dim=1)[rows, before.int().argmax(dim=1)])
                    continue
                # Images do not depend on each other, so the gradient of the sum holds that of each.
                score = scores[rows, column].sum()
                (gradient,) = torch.autograd.grad(score, target, retain_graph=True, allow_unused=True)
                if gradient is None:
                    raise ValueError(f'{type(self).__name__}: class scores do not depend on its layer: name another')
                with torch.no_grad():
                    found.append(self.from_gradient(target, gradient, feats).float())
        return torch.stack(found, dim=1)

    def forward(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """A gradient map is made from no other map: see :meth:`refined`."""
        raise NotImplementedError(f'{type(self).__name__} refines no maps: call refined')


def _first_tensor(feats: Any) -> Tensor:
    return feats if isinstance(feats, Tensor) else feats[0]
