"""The paper's figures, as a user draws them."""

import importlib.util
import json
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_fonts import make_font
from tscam_models import DEIT, NUM_CLASSES, WIDTH, randomise

from mmtscam.apis.explain import Explainer
from mmtscam.registry import MODELS
from mmtscam.utils.cli import run as run_tool
from mmtscam.visualization.figures import save_figure

PROTOCOL = dict(name='tscam', iou_levels=[0.5])
NAMES = ('Little_Tern', 'Common_Gull', 'Möwe', 'd', 'e', 'f')
HEADS = {
    'tscam': dict(type='TSCAMHead', in_channels=WIDTH),
    'transattention': dict(type='ClassTokenHead', in_channels=WIDTH),
    'cam': dict(type='CAMHead', in_channels=512),
}


@pytest.fixture
def tool(repo):
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('paper_figures', repo / 'tools/visualization/paper_figures.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def draw(tool, monkeypatch, tmp_path):
    """Run the tool in this process; returns the figure that it has written."""

    def draw(*words, out='figure.png'):
        drawn = []
        monkeypatch.setattr(
            'mmtscam.visualization.figures.save_figure',
            lambda figure, *args: (drawn.append(figure), save_figure(figure, *args)),
        )
        command = ['paper_figures.py', *words, '--out', tmp_path / out]
        monkeypatch.setattr(sys, 'argv', [str(word) for word in command])
        run_tool(tool.main)
        assert (tmp_path / out).stat().st_size > 0
        return drawn[0]

    return draw


@pytest.fixture
def models(tmp_path):
    """Config and checkpoint of a tiny model of each kind."""
    found = {}
    for name, head in HEADS.items():
        backbone = dict(type='CAMVGG', depth=11, num_classes=-1, with_last_pool=False) if name == 'cam' else DEIT
        pipeline = [dict(type='LoadResizedImage', scale=(64, 64)), dict(type='PackLocInputs')]
        dataset = dict(
            type='WSOLDataset',
            dataset=dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path), metainfo=dict(classes=NAMES)),
            pipeline=pipeline,
            boxes=dict(type='CUBBoxes'),
        )
        cfg = Config(
            dict(
                model=dict(
                    type='mmpretrain.ImageClassifier',
                    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=[120.0], std=[60.0]),
                    backbone=backbone,
                    head=dict(num_classes=NUM_CLASSES, **head),
                ),
                test_dataloader=dict(dataset=dataset),
            )
        )
        model = MODELS.build(cfg.model.to_dict())
        randomise(model)
        torch.save({'state_dict': model.state_dict()}, tmp_path / f'{name}.pth')
        cfg.dump(tmp_path / f'{name}.py')
        found[name] = (tmp_path / f'{name}.py', tmp_path / f'{name}.pth')
    return found


@pytest.fixture
def images(tmp_path):
    """Two images with a true box each."""
    (tmp_path / 'images').mkdir()
    paths = [tmp_path / 'images' / f'{index}.png' for index in (1, 2)]
    for seed, path in enumerate(paths):
        pixels = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(pixels, (60, 50), interpolation=cv2.INTER_CUBIC))
    (tmp_path / 'images.txt').write_text('1 1.png\n2 2.png\n')
    (tmp_path / 'bounding_boxes.txt').write_text('1 3 4 20 30\n2 1 1 9 9\n')
    return paths


def _named(models, **names):
    words = []
    for name, kind in names.items():
        words += ['--model', f'{name}={models[kind][0]},{models[kind][1]}']
    return words


def _titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_compare_the_maps_of_one_model(draw, models, images):
    figure = draw('compare', *images, *_named(models, Ours='tscam'), '--class', 'möwe', '--true-boxes', out='a.pdf')
    assert _titles(figure) == ['image', 'coupled map', 'attention A*', 'semantic map']
    panels = figure.axes[:8]
    assert [len(axes.images) for axes in panels] == [1, 2, 2, 2] * 2
    assert panels[0].get_xlabel().startswith('Möwe 0.') and not panels[1].get_xlabel()
    for row, box in ((panels[:4], [3, 4, 20, 30]), (panels[4:], [1, 1, 9, 9])):
        for axes in row:
            true = axes.patches[0]
            assert [*true.get_xy(), true.get_width(), true.get_height()] == box
    # Chosen maps alone.
    figure = draw('compare', images[0], *_named(models, Ours='tscam'), '--maps', 'coupled')
    assert _titles(figure) == ['image', 'coupled map']


def test_names_of_runs_in_a_font(draw, tmp_path):
    curve = dict(accuracy_over_iou=dict(iou=[0.3, 0.5], gt_known=[90.0, 60.0]))
    result = dict(
        name='x',
        metric='LocAccuracy',
        protocol=dict(name='tscam', iou_levels=[0.5]),
        map_kind='coupled',
        images=1,
        numbers=[],
        rows=None,
        curves=curve,
    )
    (tmp_path / 'report.json').write_text(json.dumps(dict(results=[result])))
    font = make_font(tmp_path / 'mine.ttf', '方法', 'Mine')
    draw('iou', tmp_path, '--names', '方法', '--font', font, out='a.svg')
    drawn = (tmp_path / 'a.svg').read_text()
    assert '方法: 60.0 %' in drawn and "font-family: 'Mine', 'DejaVu Sans'" in drawn
    # Before a model or report is read.
    with pytest.raises(SystemExit, match=r"font 'none\.ttf': no such file"):
        draw('iou', tmp_path / 'nothing', '--font', 'none.ttf')


def test_compare_models(draw, models, images):
    named = _named(models, CAM='cam', TransAttention='transattention', Ours='tscam')
    figure = draw('compare', *images, *named, out='a.svg')
    assert _titles(figure) == ['image', 'CAM', 'TransAttention', 'Ours']
    panels = figure.axes[:8]
    assert not panels[0].get_xlabel() and all(axes.get_xlabel() for axes in panels[1:4])
    assert all(len(axes.patches) == 1 for axes in panels[1:4])


def test_what_a_model_lacks(draw, models, images):
    with pytest.raises(SystemExit, match=r'cam\.py \(CAMVGG with CAMHead\): has no coupled maps, only semantic'):
        draw('compare', images[0], *_named(models, CAM='cam'), '--maps', 'coupled')
    for figure, message in (('layers', 'has no class attention'), ('coupling', 'couples nothing: it has no coupled')):
        with pytest.raises(SystemExit, match=rf'cam\.py \(CAMVGG with CAMHead\): {message}'):
            draw(figure, images[0], *models['cam'])
    with pytest.raises(SystemExit, match=r'add --cfg-options model\.backbone\.attn_aggregation=mean'):
        draw('layers', images[0], *models['tscam'], '--cfg-options', 'model.backbone.attn_aggregation=rollout')


def test_coupling(draw, models, images):
    figure = draw('coupling', images[0], *models['tscam'], '--classes', '4', 'little tern')
    assert len([axes for axes in figure.axes if axes.images]) == 10
    names = [text.get_text().splitlines()[0] for text in figure.texts if '0.' in text.get_text()]
    assert names == ['e', 'Little Tern']
    figure = draw('coupling', images[0], *models['tscam'], '--topk', '1')
    seen = Explainer(*models['tscam']).explain(images[0])
    (box,) = figure.axes[4].patches
    x1, y1, x2, y2 = seen.boxes['coupled'][0][0].tolist()
    assert [*box.get_xy(), box.get_width(), box.get_height()] == pytest.approx([x1, y1, x2 - x1, y2 - y1])


def test_layers(draw, models, images):
    figure = draw('layers', images[0], *models['tscam'], '--cfg-options', 'model.backbone.attn_layers=[-1,0]')
    assert _titles(figure) == ['image', '$A_*^{1}$', '$A_*^{3}$', '$A_*$ (mean)']


def test_similarity(draw, models, images):
    figure = draw(
        'similarity', images[0], *models['tscam'], '--blocks', '1', '-1', 'patch_embed.projection',
        '--cnn', f'VGG={models["cam"][0]},{models["cam"][1]}',
    )  # fmt: skip
    names = [title.splitlines()[0] for title in _titles(figure)]
    assert names == ['image', 'block 1', 'block 3', 'patch_embed.projection', 'VGG']
    tokens = Explainer(*models['tscam']).tokens(images[0], [2])['block 3'].astype(float)
    expected = [[a @ b / np.sqrt((a @ a) * (b @ b)) for b in tokens] for a in tokens]
    assert np.allclose(figure.axes[2].images[0].get_array(), expected, atol=1e-9)
    assert [len(axes.images[0].get_array()) for axes in figure.axes[1:5]] == [64, 64, 64, 16]
    assert [title.splitlines()[0] for title in _titles(draw('similarity', images[0], *models['cam']))] == [
        'image', 'last feature map'
    ]  # fmt: skip


def test_iou(draw, tmp_path):
    curve = {'iou': [0.3, 0.5], 'gt_known': [90.0, 60.0], 'loc_top1': [80.0, 50.0]}
    for name in ('a/x', 'b/x'):
        results = [
            dict(
                name=result, metric='LocAccuracy', protocol=PROTOCOL, map_kind='coupled', images=1, numbers=[],
                rows=None, curves=dict(accuracy_over_iou=curve),
            )
            for result in ('tscam', 'tscam-attention')
        ]  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / 'report.json').write_text(json.dumps(dict(results=results)))
    reports = [tmp_path / 'a/x', tmp_path / 'b/x/report.json']

    def labels(*options):
        figure = draw('iou', *reports, *options)
        return [[line.get_label().split(':')[0] for line in axes.lines[:-1]] for axes in figure.axes]

    assert labels() == [['a/x', 'b/x']] * 2
    assert labels('--names', 'A', 'B', '--metrics', 'gt_known') == [['A', 'B']]
    both = ['A, tscam', 'A, tscam-attention', 'B, tscam', 'B, tscam-attention']
    assert labels('--names', 'A', 'B', '--results', 'tscam', 'tscam-attention') == [both] * 2
    with pytest.raises(SystemExit, match=r"two runs are called 'A': give them names with --names"):
        labels('--names', 'A', 'A')
    with pytest.raises(SystemExit, match=r'none/report\.json: not found'):
        draw('iou', tmp_path / 'none/report.json')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['layers', 'a', 'b', 'c', '--out', 'a.gif'], 'a.gif: must end in .pdf, .svg, .png'),
        (['layers', 'a', 'b', 'c', '--out', 'a.png', '--dpi', '0'], '--dpi 0: must be at least 1'),
        (['coupling', 'a', 'b', 'c', '--out', 'a.png', '--topk', '0'], '--topk 0: must be at least 1'),
        (['compare', 'a', '--model', 'x=y', '--out', 'a.png'], "'x=y' is not NAME=CONFIG,CHECKPOINT"),
        (['iou', 'a', 'b', '--names', 'x', '--out', 'a.png'], '--names: 1 names for 2 reports'),
        (['similarity', 'a', 'b', 'c', '--blocks', '0', '--out', 'a.png'], 'blocks are counted from 1 on'),
    ],
)
def test_arguments(tool, monkeypatch, capsys, words, message):
    monkeypatch.setattr(sys, 'argv', ['paper_figures.py', *words])
    with pytest.raises(SystemExit) as ended:
        run_tool(tool.main)
    assert ended.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.slow
def test_in_a_process_of_its_own(run, models, images, tmp_path):
    words = ['python', 'tools/visualization/paper_figures.py', 'layers', images[0], *models['tscam'], '--device', 'cpu']
    assert run(*words, '--out', tmp_path / 'new/a.png').stdout.splitlines()[-1] == f'Written: {tmp_path}/new/a.png'
    words[4] = tmp_path / 'none.py'
    assert run(*words, '--out', tmp_path / 'b.png', code=1).stdout.splitlines()[-1].endswith('config file not found')
    assert not (tmp_path / 'b.png').exists()
