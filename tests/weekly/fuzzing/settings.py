"""Parsers of settings: configs, plans, and what stands behind flags."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from mmtscam.evaluation.comparison import comparison_csv, comparison_table, read_plan
from mmtscam.localization import get_protocol
from mmtscam.utils.class_names import check_same_classes, find_class
from mmtscam.utils.cli import add_cfg_options
from mmtscam.utils.config import read_config
from mmtscam.utils.views import pipeline_of_views

from . import valid
from .mutation import change_json, change_text
from .running import Target

_CONFIG = dict(model=dict(type='ImageClassifier', head=dict(num_classes=3, layers=[1, 2])), work_dir='a')
_PLAN = dict(
    title='A table',
    seeds=[0, 1],
    columns={'GT-known Loc': '{protocol}/gt_known', 'Top-1 Loc': 'tscam/loc_top1'},
    methods=[
        dict(name='CAM', config='cam.json'),
        dict(name='CAM, again', config='cam.json', checkpoint_of='CAM', options={'model.head.layers': [1]}),
        dict(name='More', config='cam.json', start_from={'load_from': 'CAM'}),
    ],
)
_OPTIONS = [b'a.b=1', b'a.b=[1,(2,3)]', b'model.type=A b.c="x,y"', b'a=(1,2) b=[x,[y,z]] c=true', b'a.0.b=None c=1e-3']
_PROTOCOL = dict(
    base='tscam', threshold=0.2, frame=[224, 224], regions='component', iou_levels=[0.3, 0.5], empty_box=[0, 0, 1, 1],
    percentile=90, epsilon=0.1, name='mine', clamp_boxes=True,
)  # fmt: skip
_PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=[224, 224]),
    dict(type='PackLocInputs', meta_keys=['img_path']),
]


def setting_targets(folder: Path) -> Iterator[Target]:
    """The parsers of settings."""
    config = valid.as_json(_CONFIG)
    yield Target('config: json', 'a.json', [config], change_json, read_config)
    yield Target(
        'config: yaml', 'a.yaml', [b'model:\n  type: A\n  head: {a: 1, b: [1, 2]}\nx: 1\n'], change_text, read_config
    )
    beside = {'config.json': config}
    yield Target('settings on the command line', 'a.txt', _OPTIONS, change_text, _options, named=False, others=beside)
    yield Target(
        'plan of a comparison', 'a.json', [valid.as_json(_PLAN)], change_json, _plan, others={'cam.json': config}
    )
    yield Target('protocol', 'a.json', [valid.as_json(_PROTOCOL)], change_json, _protocol, named=False)
    yield Target('pipeline of views', 'a.json', [valid.as_json(_PIPELINE)], change_json, _views, named=False)
    yield Target('name of a class', 'a.txt', [b'ant', b'2', b'bee '], change_text, _class, named=False)


def _options(path: Path) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_cfg_options(parser)
    words = path.read_text(encoding='utf-8', errors='replace').replace('\0', '').split()
    try:
        options = parser.parse_args(['--cfg-options', *words]).cfg_options
    except (argparse.ArgumentError, SystemExit):  # the parser says what is wrong
        return
    read_config(path.with_name('config.json'), options)


def _plan(path: Path) -> None:
    plan = read_plan(path)
    list(plan.runs())
    found = {(method.name, seed): dict.fromkeys(plan.columns, 1.0) for method in plan.methods for seed in plan.seeds}
    comparison_table(plan, found)
    comparison_csv(plan, found)


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError):
        return {}


def _protocol(path: Path) -> None:
    value = _json(path)
    if isinstance(value, dict):
        get_protocol(value).threshold_rule  # noqa: B018


def _views(path: Path) -> None:
    value = _json(path)
    if isinstance(value, list) and all(isinstance(step, dict) for step in value):
        pipeline_of_views(value, tta=True, zoom=True, patch_size=16)


def _class(path: Path) -> None:
    word = path.read_text(encoding='utf-8', errors='replace')
    check_same_classes([word], [word], 'a', 'b')
    find_class(word, valid.CLASSES, len(valid.CLASSES))
