"""Evaluation protocols as values.

Papers on weakly supervised object localization disagree by the protocol as
much as by the method. Every switch in which they differ is a field of
:class:`Protocol`, so that no code asks for a protocol's name.

Sources: ``tscam`` is the evaluation of the code released with Gao et al.,
"TS-CAM: Token Semantic Coupled Attention Map for Weakly Supervised Object
Localization", ICCV 2021; ``wsol-v1`` and ``wsol-v2`` are MaxBoxAcc and
MaxBoxAccV2 of Choe et al., "Evaluating Weakly Supervised Object Localization
Methods Right", CVPR 2020.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Protocol:
    """How a score map becomes boxes and how boxes are scored.

    The *frame* is the pixel grid in which maps are thresholded and boxes are
    compared; every edge in it is an integer.

    Args:
        name: Name under which results are reported.
        threshold: A pixel is foreground if its 8-bit value is strictly above
            ``int(threshold * maximum)``; in [0, 1). ``None`` where the
            protocol leaves the choice open.
        frame: ``(width, height)`` of the frame, in pixels.
        interpolation: ``'bilinear'`` or ``'bicubic'``, for bringing a map to
            the frame.
        normalize: Whether a map is brought to the frame and min-max
            normalised. ``False``: it is scored as it stands and must be in
            the frame and in [0, 1]: so the benchmark scores stored maps.
        contours: ``'largest'``: one box, of the contour with the largest
            area. ``'all'``: one box for every contour.
        clamp_boxes: Whether the maximum edges of predicted boxes are clamped
            to the last pixel of the frame.
        empty_box: The box that stands for "nothing is above the threshold".
        truncate_size: Whether x, y, width and height of a true box are
            truncated to integers before they are scaled to the frame.
        divide_first: Whether an edge of a true box is divided by the image's
            size and then multiplied by the frame's, instead of the other way
            round: rounding makes them differ by a pixel at some sizes.
        clamp_truth: Whether the maximum edges of true boxes are clamped to
            the last pixel of the frame.
        iou_levels: IoU levels at which a box counts as right.
    """

    name: str
    threshold: float | None = None
    frame: tuple[int, int] = (224, 224)
    interpolation: str = 'bilinear'
    normalize: bool = True
    contours: str = 'largest'
    clamp_boxes: bool = False
    empty_box: tuple[int, int, int, int] = (0, 0, 1, 1)
    truncate_size: bool = True
    divide_first: bool = True
    clamp_truth: bool = True
    iou_levels: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        """Check the values."""
        if self.threshold is not None and not (isinstance(self.threshold, (int, float)) and 0 <= self.threshold < 1):
            raise ValueError(f'protocol {self.name!r}: threshold must be in [0, 1), got {self.threshold!r}')
        if self.interpolation not in ('bilinear', 'bicubic'):
            raise ValueError(
                f"protocol {self.name!r}: interpolation must be 'bilinear' or 'bicubic', got {self.interpolation!r}"
            )
        if self.contours not in ('largest', 'all'):
            raise ValueError(f"protocol {self.name!r}: contours must be 'largest' or 'all', got {self.contours!r}")
        if isinstance(self.iou_levels, (int, float)):
            object.__setattr__(self, 'iou_levels', (self.iou_levels,))
        for name in ('frame', 'empty_box', 'iou_levels'):  # a config holds lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        levels = self.iou_levels
        if not levels or not all(0 < level <= 1 for level in levels) or len(set(levels)) < len(levels):
            raise ValueError(f'protocol {self.name!r}: iou_levels must be different and in (0, 1], got {levels}')
        if len(self.frame) != 2 or min(self.frame) < 1:
            raise ValueError(f'protocol {self.name!r}: frame must be (width, height) in pixels, got {self.frame}')

    @property
    def iou_level(self) -> float:
        """The one IoU level, for what is defined at a single one.

        Raises:
            ValueError: If the protocol has several.
        """
        if len(self.iou_levels) != 1:
            raise ValueError(
                f'protocol {self.name!r} has the IoU levels {self.iou_levels}, and one is needed: choose it with '
                f'dict(base={self.name!r}, iou_levels=[0.5]) or dataclasses.replace'
            )
        return self.iou_levels[0]


_TSCAM = Protocol(name='tscam', threshold=0.1)
_WSOL_V1 = Protocol(
    name='wsol-v1',
    interpolation='bicubic',
    clamp_boxes=True,
    empty_box=(0, 0, 0, 0),
    truncate_size=False,
    divide_first=False,
    clamp_truth=False,
)
_WSOL_V2 = replace(_WSOL_V1, name='wsol-v2', contours='all', iou_levels=(0.3, 0.5, 0.7))

# Results show threshold and levels themselves; a map that is normalised
# already is the same map.
_NOT_RULES = ('name', 'threshold', 'iou_levels', 'normalize')

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (_TSCAM, _WSOL_V1, _WSOL_V2)}


def get_protocol(protocol: 'str | Protocol | Mapping[str, Any]', **changes: Any) -> Protocol:
    """Return a protocol by name or value, with some fields replaced.

    Args:
        protocol: A name in :data:`PROTOCOLS`, a :class:`Protocol`, or (as a
            config writes it) a mapping with ``base``, a name, and the fields
            to replace: ``dict(base='tscam', threshold=0.12)``.
        **changes: Fields to replace; ``None`` leaves a field as it is.

    Returns:
        The protocol. One whose rules for boxes differ from those of its base
        does not keep the base's name unless it is given one: it is called
        ``tscam-derived`` and so on.

    Raises:
        ValueError: If the name or a field is unknown or a value is out of
            range.
        TypeError: If it is none of the three.

    Examples:
        >>> get_protocol('tscam', threshold=0.12).threshold
        0.12
    """
    changes = {key: value for key, value in changes.items() if value is not None}
    if isinstance(protocol, Mapping):
        given = dict(protocol)
        if 'base' not in given:
            raise ValueError(f'the protocol {given} needs a base: choose from {", ".join(PROTOCOLS)}')
        protocol = str(given.pop('base'))
        changes = {**given, **changes}
    if isinstance(protocol, str):
        if protocol not in PROTOCOLS:
            raise ValueError(f'unknown protocol {protocol!r}: choose from {", ".join(PROTOCOLS)}')
        protocol = PROTOCOLS[protocol]
    if not isinstance(protocol, Protocol):
        raise TypeError(f'a protocol is a name, a dict or a Protocol, got {protocol!r}')
    known = {field.name for field in fields(Protocol)}
    if unknown := sorted(set(changes) - known):
        raise ValueError(f'unknown protocol field {unknown[0]!r}: choose from {", ".join(sorted(known))}')
    derived = replace(protocol, **changes)
    rules = [field for field in known - set(_NOT_RULES) if getattr(derived, field) != getattr(protocol, field)]
    if rules and 'name' not in changes and protocol.name in PROTOCOLS:
        derived = replace(derived, name=f'{protocol.name}-derived')
    return derived
