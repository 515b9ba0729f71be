"""Evaluation protocols as values.

Papers on weakly supervised object localization differ in the protocol as much
as in the method. Every switch in which they differ is a field of
:class:`Protocol`, so no code asks for a protocol's name.

The named protocols and their sources:

- ``tscam``: the evaluation of the code released with Gao et al., "TS-CAM:
  Token Semantic Coupled Attention Map for Weakly Supervised Object
  Localization", ICCV 2021.
- ``wsol-v1`` and ``wsol-v2``: MaxBoxAcc and MaxBoxAccV2 of Choe et al.,
  "Evaluating Weakly Supervised Object Localization Methods Right", CVPR 2020.
- ``sat``: the evaluation of the code released with Wu et al., "Spatial-Aware
  Token for Weakly Supervised Object Localization", ICCV 2023. Its threshold is
  that of the released evaluation on CUB-200-2011; on ILSVRC it is 0.3. That
  code resizes an image to 256 and scores the centre crop of 224; here the
  whole image is scored. Its predicted box is half-open under the
  inclusive-pixel IoU and so one pixel too wide, as OpenCV's is here.
- ``union``: the evaluation of the code released with Xue et al., "DANet:
  Divergent Activation for Weakly Supervised Object Localization", ICCV 2019.
  The threshold is open because the authors took the best of six on the test
  set. That code compares with ``>=`` in the original image and takes the last
  foreground pixel for the maximum edge; here the comparison is strict, in the
  frame, and the box is half-open.
- ``rcam``: the evaluation of the code released with Bae et al., "Rethinking
  Class Activation Mapping for Weakly Supervised Object Localization", ECCV
  2020: 0.35 of the 90th percentile. That code, too, scores the centre crop of
  224 from 256 pixels; here the whole image is scored.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

_SWITCHES = (
    'absolute_threshold',
    'normalize',
    'normalize_first',
    'clamp_boxes',
    'truncate_size',
    'divide_first',
    'clamp_truth',
)
_CHOICES: dict[str, tuple[Any, ...]] = {
    'interpolation': ('bilinear', 'bicubic'),
    'regions': ('contour', 'all_contours', 'union', 'component'),
    **dict.fromkeys(_SWITCHES, (True, False)),
}
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    'threshold': (lambda value: 0 <= value < 1, 'in [0, 1)'),
    'percentile': (lambda value: 0 < value <= 100, 'in (0, 100]'),
    'epsilon': (lambda value: 0 <= value < math.inf, 'at least 0 and finite'),
}


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, int | float) for value in values)


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or value.is_integer()


@dataclass(frozen=True)
class Protocol:
    """How a score map becomes boxes and how boxes are scored.

    The *frame* is the pixel grid in which maps are thresholded and boxes are
    compared; every edge in it is an integer.

    Args:
        name: Name under which results are reported.
        threshold: A pixel is foreground if its 8-bit value is strictly above
            ``int(threshold * reference)``; in [0, 1). The reference is the
            map's highest 8-bit value, or another percentile. ``None`` where
            the protocol leaves the choice open.
        absolute_threshold: Whether a pixel is foreground if its score, a
            float in [0, 1], is strictly above the threshold itself. There are
            no 8-bit values then.
        percentile: Percentile of the map's 8-bit values in the frame that is
            the reference, in (0, 100]; 100 is the highest value.
        frame: ``(width, height)`` of the frame, in pixels.
        interpolation: ``'bilinear'`` or ``'bicubic'``, for bringing a map to
            the frame.
        normalize: Whether a map is brought to the frame and min-max
            normalised. ``False``: it is scored as it stands and must be in
            the frame and in [0, 1]; the benchmark scores stored maps so.
        normalize_first: Whether a map is normalised at its own resolution
            and then brought to the frame, instead of the other way round.
            The highest score in the frame is then below 1 wherever the peak
            lies between pixels of the frame.
        epsilon: Added to the range of the scores before a map is divided by
            it.
        regions: The regions of the foreground that get a box.
            ``'contour'``: the contour with the largest area.
            ``'all_contours'``: every contour. ``'union'``: the whole
            foreground, in one box. ``'component'``: the 8-connected component
            with the most pixels, the first in raster order of several.
        clamp_boxes: Whether the maximum edges of predicted boxes are clamped
            to the last pixel of the frame.
        empty_box: The box that stands for "nothing is above the threshold",
            in the frame.
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
    absolute_threshold: bool = False
    percentile: float = 100
    frame: tuple[int, int] = (224, 224)
    interpolation: str = 'bilinear'
    normalize: bool = True
    normalize_first: bool = False
    epsilon: float = 0.0
    regions: str = 'contour'
    clamp_boxes: bool = False
    empty_box: tuple[int, int, int, int] = (0, 0, 1, 1)
    truncate_size: bool = True
    divide_first: bool = True
    clamp_truth: bool = True
    iou_levels: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        """Check the values."""
        if not isinstance(self.name, str) or '/' in self.name:  # metrics are called NAME/METRIC
            raise ValueError(f'the name of a protocol must be a text without /, got {self.name!r}')
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                known = ', '.join(map(repr, choices[:-1])) + f' or {choices[-1]!r}'
                raise ValueError(f'protocol {self.name!r}: {name} must be {known}, got {value!r}')
        for name, (fits, wanted) in _RANGES.items():
            value = getattr(self, name)
            is_open = name == 'threshold' and value is None
            if not is_open and not (isinstance(value, (int, float)) and fits(value)):
                raise ValueError(f'protocol {self.name!r}: {name} must be {wanted}, got {value!r}')
        if self.absolute_threshold and self.percentile != 100:
            raise ValueError(
                f'protocol {self.name!r}: a threshold is absolute or relative to a percentile: '
                f'set absolute_threshold=False or percentile=100 (got {self.percentile!r})'
            )
        if isinstance(self.iou_levels, (int, float)):
            object.__setattr__(self, 'iou_levels', (self.iou_levels,))
        for name in ('frame', 'empty_box', 'iou_levels'):  # a config holds lists
            if not _are_numbers(getattr(self, name)):
                raise ValueError(f'protocol {self.name!r}: {name} must be numbers, got {getattr(self, name)!r}')
            object.__setattr__(self, name, tuple(getattr(self, name)))
        levels = self.iou_levels
        if not levels or not all(0 < level <= 1 for level in levels) or len(set(levels)) < len(levels):
            raise ValueError(f'protocol {self.name!r}: iou_levels must be different and in (0, 1], got {levels}')
        if len(self.frame) != 2 or not all(side >= 1 and _is_whole(side) for side in self.frame):
            raise ValueError(f'protocol {self.name!r}: frame must be (width, height) in whole pixels, got {self.frame}')
        box = self.empty_box
        if len(box) != 4 or not all(map(_is_whole, box)) or box[2] < box[0] or box[3] < box[1]:
            raise ValueError(f'protocol {self.name!r}: empty_box must be (x1, y1, x2, y2) in whole pixels, got {box}')

    @property
    def threshold_rule(self) -> str:
        """Name of what a threshold means, for one protocol's threshold serves another only if it means the same.

        ``'of maximum'``, ``'of percentile P'``, or ``'absolute'``; followed by
        ``', normalised first'`` where maps are.
        """
        share = 'of maximum' if self.percentile == 100 else f'of percentile {self.percentile:g}'
        rule = 'absolute' if self.absolute_threshold else share
        return f'{rule}, normalised first' if self.normalize_first else rule

    @property
    def iou_level(self) -> float:
        """The only IoU level, for numbers that are defined at a single level.

        Raises:
            ValueError: If the protocol has several.
        """
        if len(self.iou_levels) != 1:
            raise ValueError(
                f'protocol {self.name!r} has the IoU levels {self.iou_levels}, and one is needed: choose it with '
                f'dict(base={self.name!r}, iou_levels=[0.5]) or get_protocol(protocol, iou_levels=[0.5])'
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
_WSOL_V2 = replace(_WSOL_V1, name='wsol-v2', regions='all_contours', iou_levels=(0.3, 0.5, 0.7))
_SAT = Protocol(
    name='sat',
    threshold=0.4,
    absolute_threshold=True,
    normalize_first=True,
    epsilon=1e-5,
    regions='component',
    empty_box=(0, 0, 224, 224),
    truncate_size=False,
)
_UNION = Protocol(
    name='union',
    absolute_threshold=True,
    normalize_first=True,
    regions='union',
    empty_box=(0, 0, 0, 0),
    truncate_size=False,
)
_RCAM = Protocol(
    name='rcam',
    threshold=0.35,
    percentile=90,
    interpolation='bicubic',
    empty_box=(0, 0, 224, 224),
    truncate_size=False,
)

# Fields that do not change the rules for boxes. Results show threshold and levels
# themselves, and a map that is normalised already is the same map.
_NOT_RULES = ('name', 'threshold', 'iou_levels', 'normalize')

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol for protocol in (_TSCAM, _WSOL_V1, _WSOL_V2, _SAT, _UNION, _RCAM)
}


def get_protocol(protocol: 'str | Protocol | Mapping[str, Any]', **changes: Any) -> Protocol:
    """Return a protocol by name or value, with some fields replaced.

    Args:
        protocol: A name in :data:`PROTOCOLS`, a :class:`Protocol`, or (as a
            config writes it) a mapping with ``base``, a name, and the fields
            to replace: ``dict(base='tscam', threshold=0.12)``.
        **changes: Fields to replace; ``None`` leaves a field as it is.

    Returns:
        The protocol; the very value in :data:`PROTOCOLS` where nothing is
        replaced. One whose rules for boxes differ from those of its base is
        called ``tscam-derived`` and so on, unless ``name`` is given.

    Raises:
        ValueError: If the name or a field is unknown or a value is out of
            range.
        TypeError: If it is none of the three.

    Examples:
        >>> get_protocol('tscam', threshold=0.12).threshold
        0.12
        >>> get_protocol(dict(base='tscam', regions='component')).name
        'tscam-derived'
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
    if 'frame' in changes and protocol.empty_box == (0, 0, *protocol.frame):
        # A box that is the whole frame stays the whole frame.
        frame = changes['frame']
        changes = {'empty_box': (0, 0, *(frame if _are_numbers(frame) else ())), **changes}
    derived = replace(protocol, **changes) if changes else protocol
    rules = [field for field in known - set(_NOT_RULES) if getattr(derived, field) != getattr(protocol, field)]
    if rules and 'name' not in changes and protocol.name in PROTOCOLS:
        derived = replace(derived, name=f'{protocol.name}-derived')
    return derived
