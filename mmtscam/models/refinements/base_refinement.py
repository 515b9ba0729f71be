"""The base of parts that refine a head's maps."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mmtscam.registry import MODELS
from mmtscam.structures import MapKind
from mmtscam.utils.config import type_class


class BaseRefinement(nn.Module, metaclass=ABCMeta):
    """Makes another kind of map from one kind of a head's, and from the features of its positions.

    A head that is given one as ``refine`` localises with the refined map,
    unless ``map_kind`` names another. There are no parameters, so any
    checkpoint of the head can be tested with it.

    Args:
        map_kind: Name of the kind of map that is refined; the first of the
            head's own by default.

    Attributes:
        name: Name of the refined kind.
        title: Its name for readers.
    """

    name: str
    title: str

    def __init__(self, map_kind: str | None = None) -> None:
        super().__init__()
        self.map_kind = map_kind

    def source(self, kinds: Sequence[MapKind]) -> MapKind:
        """The kind that is refined, one of a head's own ``kinds``.

        Raises:
            ValueError: If the head makes no such kind.
        """
        chosen = self.map_kind or (kinds[0].name if kinds else None)
        for kind in kinds:
            if kind.name == chosen:
                return kind
        known = ', '.join(kind.name for kind in kinds) or 'the kinds of map of a head that makes some'
        raise ValueError(f'refine.map_kind must be one of {known}, got {chosen!r}')

    def kind(self, kinds: Sequence[MapKind]) -> MapKind:
        """The refined kind, for a head with these ``kinds`` of its own.

        Raises:
            ValueError: See :meth:`source`.
        """
        return MapKind(self.name, self.title, self.source(kinds).class_agnostic)

    def refined(
        self, head: Any, feats: Any, prepared: Any, maps: Mapping[str, Tensor], labels: Tensor | None
    ) -> Tensor:
        """Make the maps of the refined kind.

        Args:
            head: The head, a :class:`~mmtscam.models.BaseLocHead`.
            feats: The backbone's output.
            prepared: Result of the head's ``prepare``.
            maps: Result of its ``maps`` for ``labels``.
            labels: ``(B, k)`` classes; ``None`` for all.

        Returns:
            ``(B, k, h, w)`` ``float32`` maps, or ``(B, h, w)`` where the
            source is class-agnostic.
        """
        kind = self.source(head.map_kinds[1:])
        source = maps[kind.name].unsqueeze(1) if kind.class_agnostic else maps[kind.name]
        refined = self(head.compared_features(feats, prepared), source.detach())
        return refined[:, 0] if kind.class_agnostic else refined

    @abstractmethod
    def forward(self, features: Sequence[Tensor], maps: Tensor) -> Tensor:
        """Refine maps.

        Args:
            features: Feature maps ``(B, D, h, w)``, shallow ones first. The
                maps were made from the last.
            maps: ``(B, k, h, w)`` ``float32`` maps of k classes.

        Returns:
            ``(B, k, h, w)`` ``float32`` maps.
        """


def build_refinement(config: Any) -> BaseRefinement:
    """Build the part that a head's ``refine`` names.

    Raises:
        ValueError: If it is no config of a :class:`BaseRefinement`, or has an
            argument that does not suit.
    """
    example = "dict(type='SelfEnhancement')"
    if not isinstance(config, Mapping) or 'type' not in config:
        raise ValueError(f'refine must be a config such as {example}, got {config!r}: set model.head.refine.type')
    kind = type_class(config['type'], MODELS)
    if not (isinstance(kind, type) and issubclass(kind, BaseRefinement)):
        raise ValueError(f'refine must be a BaseRefinement such as {example}, got {config["type"]!r}')
    try:
        return MODELS.build(dict(config))
    except TypeError as error:  # an argument that the part has not
        raise ValueError(f'model.head.refine: {error}') from error
