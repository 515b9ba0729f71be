import numpy as np
import pytest

from mmtscam.localization import accuracy_over_ious
from mmtscam.visualization.figures import plot_iou_curves

LEVELS = np.linspace(0.05, 0.95, 19)


def _curve(seed, *metrics):
    ious = np.random.default_rng(seed).random(50)
    return {'iou': LEVELS.tolist()} | {name: accuracy_over_ious(ious, LEVELS).tolist() for name in metrics}


def test_a_line_for_each_run():
    runs = {'TS-CAM': _curve(0, 'gt_known', 'loc_top1'), 'CAM': _curve(1, 'gt_known', 'loc_top1')}
    figure = plot_iou_curves(runs)
    assert [place.get_title() for place in figure.axes] == ['GT-known Loc', 'Top-1 Loc']
    for place, metric in zip(figure.axes, ('gt_known', 'loc_top1'), strict=True):
        lines = place.lines[: len(runs)]
        for line, (name, curve) in zip(lines, runs.items(), strict=True):
            assert line.get_xdata().tolist() == curve['iou'] and line.get_ydata().tolist() == curve[metric]
            assert line.get_label() == f'{name}: {curve[metric][9]:.1f} %'
        assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 2
        assert [text.get_text() for text in place.get_legend().get_texts()] == [line.get_label() for line in lines]


def test_many_runs_differ():
    figure = plot_iou_curves({str(index): _curve(index, 'gt_known') for index in range(16)})
    lines = figure.axes[0].lines[:16]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 16


def test_a_metric_that_some_runs_lack():
    runs = {'maps': _curve(0, 'gt_known'), 'run': _curve(1, 'gt_known', 'loc_top5')}
    figure = plot_iou_curves(runs, ['gt_known', 'loc_top1', 'loc_top5'])
    assert [place.get_title() for place in figure.axes] == ['GT-known Loc', 'Top-5 Loc']
    assert [len(place.get_legend().get_texts()) for place in figure.axes] == [2, 1]


def test_levels_without_a_half():
    figure = plot_iou_curves({'$a$': {'iou': [0.3, 0.7], 'gt_known': [90, 10]}})
    assert figure.axes[0].lines[0].get_label() == r'\$a\$'


def test_the_legend_is_below():
    figure = plot_iou_curves({f'a run {index}': _curve(index, 'gt_known', 'loc_top1') for index in range(8)})
    figure.canvas.draw()
    for place in figure.axes:
        legend = place.get_legend().get_window_extent()
        assert legend.y1 < place.get_window_extent().y0 and legend.y0 >= -1


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"must be one of gt_known, .*, got 'loc'"):
        plot_iou_curves({'a': _curve(0, 'gt_known')}, ['loc'])
    with pytest.raises(ValueError, match='no run has a curve'):
        plot_iou_curves({'a': _curve(0, 'gt_known')}, ['loc_top1'])
