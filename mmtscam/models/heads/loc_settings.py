"""The settings with which a head localises, as a value."""

from dataclasses import dataclass

from mmtscam.localization import Protocol


@dataclass(frozen=True)
class LocSettings:
    """Settings of localization: rules for boxes, kind of map, and number of classes.

    Args:
        protocol: Rules for drawing boxes, with a threshold.
        map_kind: Name of the kind of map that boxes are drawn from.
        topk: Number of classes that get a box.
        min_area: A class gets a box for every separate region with at least
            this share, in [0, 1], of the area of its largest, see
            :func:`~mmtscam.localization.map_to_instances`. ``None`` for the
            protocol's box, or boxes.
    """

    protocol: Protocol
    map_kind: str
    topk: int
    min_area: float | None = None
