"""A picture of how time and memory grow with size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from mmtscam.visualization.figures.style import set_fonts

# Colours that colour-blind readers can tell apart too.
_COLOURS = ('#555555', '#0072b2', '#d55e00', '#009e73', '#cc79a7')
_MARKERS = 'osD^v'


def plot_growth(results: Sequence[dict[str, Any]], parameter: str, path: Path, kind: str | None = None) -> None:
    """Draw time and memory of an image over a swept size, each way as a line.

    Args:
        results: Results of :func:`~.comparison.compare`, for several values
            of the parameter and any configs and workloads. Each config and
            workload gets a row.
        parameter: ``'input_size'``, ``'batch_size'`` or ``'classes'``.
        path: File to write.
        kind: ``'png'``, ``'pdf'``, ``'svg'``, ...; by default the file's
            name decides.
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for result in results:
        groups.setdefault((result['config'], result['workload']), []).append(result)
    figure = Figure(figsize=(10, 3.9 * len(groups)), layout='constrained')
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for row, ((config, workload), group) in zip(panels, groups.items(), strict=True):
        _draw_times(row[0], group, parameter)
        _draw_memories(row[1], group, parameter)
        for panel, what in zip(row, ('time an image', 'peak memory'), strict=True):
            panel.set_title(f'{Path(config).stem}, {workload}: {what}', fontsize=10)
            _finish(panel, group, parameter)
    set_fonts(figure)
    figure.savefig(path, dpi=150, format=kind)


def _draw_times(panel: Axes, group: Sequence[dict], parameter: str) -> None:
    for index, name in enumerate(group[0]['ways']):
        sizes = [result[parameter] for result in group]
        times = [result['ways'][name]['seconds_per_image'] for result in group]
        low, middle, high = ([1e3 * time[key] for time in times] for key in ('min', 'median', 'max'))
        panel.plot(sizes, middle, label=name, **_style(index))
        panel.fill_between(sizes, low, high, color=_COLOURS[index % len(_COLOURS)], alpha=0.15, linewidth=0)
    panel.set_ylabel('ms (median; band: min to max)')


def _draw_memories(panel: Axes, group: Sequence[dict], parameter: str) -> None:
    for index, name in enumerate(group[0]['ways']):
        points = [(result[parameter], result['ways'][name]['memory']['above']) for result in group]
        points = [(size, above / 2**20) for size, above in points if above]
        if points:
            panel.plot(*zip(*points, strict=True), label=name, **_style(index))
    panel.set_ylabel("MiB above the model's own")


def _style(index: int) -> dict[str, Any]:
    return dict(color=_COLOURS[index % len(_COLOURS)], marker=_MARKERS[index % len(_MARKERS)], markersize=4.5)


def _finish(panel: Axes, group: Sequence[dict], parameter: str) -> None:
    panel.set_xscale('log', base=2)
    panel.set_yscale('log')
    sizes = [result[parameter] for result in group]
    with_tokens = parameter == 'input_size'
    panel.set_xticks(
        sizes, [f'{result[parameter]}\n{result["tokens"]}' if with_tokens else result[parameter] for result in group]
    )
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,g}'))
    panel.set_xlabel('input size in pixels, and patch tokens' if with_tokens else parameter.replace('_', ' '))
    panel.grid(which='major', alpha=0.35)
    panel.grid(which='minor', alpha=0.12)
    if panel.lines:
        panel.legend(frameon=False, fontsize=9)
