"""Accuracy over IoU levels of several runs (Figure 5)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, STYLE, WIDTH, literal, new_figure

METRICS = {'gt_known': 'GT-known Loc', 'loc_top1': 'Top-1 Loc', 'loc_top5': 'Top-5 Loc'}
_MARKERS = 'osD^vPX'
_LINES = ('-', '--', ':')


@rc_context(STYLE)
def plot_iou_curves(
    runs: Mapping[str, Mapping[str, Sequence[float]]], metrics: Sequence[str] = ('gt_known', 'loc_top1')
) -> Figure:
    """Draw accuracy over IoU levels, a panel a metric and a line a run.

    Args:
        runs: Name of a run to its curve: equally long columns, ``iou`` with
            the levels and any of ``gt_known``, ``loc_top1``, ``loc_top5`` in
            percent, as in the ``accuracy_over_iou`` of a report.
        metrics: Names of the columns to draw. A column that only some runs
            have is drawn for those; one that no run has is left out.

    Returns:
        The figure. The legend has the accuracy at IoU 0.5.

    Raises:
        ValueError: If a metric is unknown or no run has any of them.
    """
    if unknown := [metric for metric in metrics if metric not in METRICS]:
        raise ValueError(f'metric must be one of {", ".join(METRICS)}, got {unknown[0]!r}')
    metrics = [metric for metric in metrics if any(metric in curve for curve in runs.values())]
    if not metrics:
        raise ValueError('no run has a curve to draw')
    figure = new_figure(2.9 + 0.16 * len(runs), 3.5 if len(metrics) == 1 else WIDTH)
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for index, (name, curve) in enumerate(runs.items()):
            if metric in curve:
                _draw_curve(axes, name, curve['iou'], curve[metric], index)
        axes.axvline(0.5, color='0.6', linewidth=0.8, linestyle='--', zorder=0)
        axes.set_title(METRICS[metric])
        axes.set_xlabel('IoU level')
        axes.set_ylabel('accuracy (%)')
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 102)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.spines[['top', 'right']].set_visible(False)
        # The legend lies below the axes, where no curve can be.
        axes.legend(loc='upper left', bbox_to_anchor=(0, -0.17), frameon=False, title='at IoU 0.5', alignment='left')
    return figure


def _draw_curve(axes: Axes, name: str, levels: Sequence[float], values: Sequence[float], index: int) -> None:
    middle = np.flatnonzero(np.isclose(levels, 0.5))
    label = f'{literal(name)}: {values[middle[0]]:.1f} %' if len(middle) else literal(name)
    style: dict[str, Any] = dict(
        color=COLOURS[index % len(COLOURS)],
        marker=_MARKERS[index % len(_MARKERS)],
        linestyle=_LINES[index // len(COLOURS) % len(_LINES)],
    )
    axes.plot(levels, values, label=label, linewidth=1.3, markersize=3, markevery=2, **style)
