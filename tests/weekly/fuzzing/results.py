"""Readers of what our own tools write: maps, reports, thresholds, parts of labels."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from mmtscam.datasets import WSOLBenchmark
from mmtscam.datasets.coco import COCOOutput
from mmtscam.evaluation import LocAccuracy, MaxBoxAcc, PixelAP, evaluate_maps, load_thresholds, read_result
from mmtscam.evaluation.comparison import Method, check_settings, numbers_of
from mmtscam.evaluation.report import print_choices
from mmtscam.evaluation.report_reader import load_iou_curves, read_results
from mmtscam.evaluation.stored_maps import MapFile, ScoreMapFolder, merge_parts
from mmtscam.localization import get_protocol
from mmtscam.pseudo_labels.parts import PartFolder
from mmtscam.visualization.html_report import Run, write_html_report

from . import valid
from .mutation import change_array, change_json, change_text, change_zip
from .running import Target


def result_targets(folder: Path) -> Iterator[Target]:
    """The readers of results."""
    maps, part = [valid.map_file(folder)], valid.map_part(folder)
    yield Target('maps: read', 'maps.npz', maps, change_zip, _maps)
    # A message about an image names the image.
    yield Target('maps: scored', 'maps.npz', maps, change_zip, _scores, named=False)
    yield Target('maps: part of a run', 'part', [part], change_zip, _part, named=False)
    report = valid.report(folder)
    rows = next(name for name in report if name.endswith('.csv'))
    yield Target('maps: in a page', 'maps.npz', maps, change_zip, _page, named=False, others=report)
    array = np.random.default_rng(0).random((14, 14), np.float32)
    lists = {'image_ids.txt': b'0.jpg', 'class_labels.txt': b'0.jpg,0', 'image_sizes.txt': b'0.jpg,30,20'}
    arrays = [valid.array(array), valid.array(array.astype(np.float64).T)]
    yield Target('maps: of other code', '0.jpg.npy', arrays, change_array, _score_map, others=lists)
    others = {name: content for name, content in report.items() if name != 'report.json'}
    json_file = [report['report.json']]
    yield Target('report: json', 'report.json', json_file, change_json, _report, named=False, others=others)
    others = {name: content for name, content in report.items() if name != rows}
    yield Target('report: csv', rows, [report[rows]], change_text, _report, named=False, others=others)
    yield Target('report: curves', 'report.json', json_file, change_json, _curves)
    yield Target('thresholds', 'thresholds.json', [valid.thresholds(folder)], change_json, _thresholds)
    settings = [b'{"seed": 1, "test: model": "a"}']
    yield Target('settings of a comparison', 'settings.json', settings, change_json, _settings, named=False)
    run = dict(settings=dict(a=1), num_images=2, part_size=2)
    records = [
        dict(name='a.jpg', path='a.jpg', id=1, width=30, height=20, boxes=[[0, 0.5, 1, 2, 10, 12]]),
        dict(name='b.jpg', error='no image'),
    ]
    lines = ''.join(f'{json.dumps(record)}\n' for record in records).encode()
    yield Target('labels: run.json', 'out.json.parts/run.json', [valid.as_json(run)], change_json, _labels, named=False)
    others = {'out.json.parts/run.json': valid.as_json(run)}
    file = 'out.json.parts/000000.jsonl'
    yield Target('labels: part', file, [lines], change_text, _labels, named=False, others=others)


def _maps(path: Path) -> None:
    maps = MapFile(path)
    for sample in maps:
        dict(sample)
    for _ in maps.facts():
        pass
    if len(maps):
        maps[0]
    list(maps.image_ids())


def _scores(path: Path) -> None:
    metrics = [LocAccuracy('tscam'), MaxBoxAcc('wsol-v2', step=0.1), PixelAP('wsol-v1', step=0.1)]
    evaluate_maps(MapFile(path), metrics)


def _part(path: Path) -> None:
    copy = path.with_name('copy')
    copy.write_bytes(path.read_bytes())
    try:
        merge_parts([path], path.with_name('maps.npz'), 3, valid.CLASSES)
    finally:
        copy.replace(path)


def _page(path: Path) -> None:
    maps = MapFile(path)
    write_html_report([Run('a', read_result(path.parent), maps)], path.parent / 'html')


def _score_map(path: Path) -> None:
    folder = str(path.parent)
    maps = ScoreMapFolder(folder, WSOLBenchmark(folder, '', metainfo=dict(classes=valid.CLASSES)))
    for _ in maps:
        pass


def _report(path: Path) -> None:
    result = read_result(path.parent)
    write_html_report([Run('a', result)], path.parent / 'html')
    read_results([path.parent, path.parent])
    numbers_of(result.report, {'a': '{protocol}/gt_known'}, Method('a', 'a.py'))


def _curves(path: Path) -> None:
    load_iou_curves(path)


def _thresholds(path: Path) -> None:
    thresholds = load_thresholds(path)
    thresholds.check_unseen('c.jpg')
    with open('/dev/null', 'w') as file:  # noqa: PTH123
        print_choices(thresholds.choices, '2 images', Console(file=file))
    for choice in thresholds.choices:
        thresholds.find(choice.protocol, choice.asked_kind)
    thresholds.find(get_protocol('wsol-v2'), 'maps')


def _settings(path: Path) -> None:
    check_settings(path.parent, {'seed': 1, 'test: model': 'a'})


def _labels(path: Path) -> None:
    parts = {name.name: name.read_bytes() for name in path.parent.iterdir()}
    folder = PartFolder(COCOOutput(path.parents[1] / 'out.json'), dict(settings=dict(a=1)), 2, 2)
    try:
        folder.prepare()
        if not folder.missing():
            folder.merge(valid.CLASSES)
    finally:
        (path.parents[1] / 'out.json').unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        for name, content in parts.items():
            (path.parent / name).write_bytes(content)
