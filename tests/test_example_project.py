"""A user's project outside the package, run by the tools as a user runs them."""

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from pages import Runner, read_page
from tool_runs import TOOLS, run_tool, serve_tools

from mmtscam.deployment import load_exported
from mmtscam.evaluation import MapFile
from mmtscam.localization import boxes_to_image, get_protocol, map_to_boxes
from mmtscam.utils.images import read_image
from mmtscam.visualization.drawing import (
    PREDICTED_COLOR,
    TRUE_COLOR,
    draw_boxes,
    fit_size,
    overlay_map,
    resize_image,
)

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parent / 'example_project'
IMAGE = 'data/images/005.Trunked_Fern/Trunked_Fern_0004.jpg'


@dataclass(frozen=True)
class Method:
    """A method as the tools must know it without being told; the first of the kinds localises."""

    name: str
    kinds: dict[str, str]
    agnostic: bool
    protocol: str
    threshold: float
    losses: tuple[str, ...]
    results: dict[str, str]
    sizes: str

    @property
    def kind(self):
        return next(iter(self.kinds))

    @property
    def rules(self):
        return get_protocol(self.protocol, threshold=self.threshold)


CALIBRATED = Method(
    name='calibrated',
    kinds=dict(calibrated='calibrated map', semantic='semantic map'),
    agnostic=False,
    protocol='tscam',
    threshold=0.5,
    losses=('loss_cls', 'loss_calibrated'),
    results={'tscam': 'calibrated', 'tscam-semantic': 'semantic', 'mean': 'calibrated'},
    sizes='Parameters: 0.44 M',
)
FOREGROUND = Method(
    name='foreground',
    kinds=dict(foreground='foreground map', attention='attention A*'),
    agnostic=True,
    protocol='sat',
    threshold=0.4,
    losses=('loss_cls', 'loss_area', 'loss_norm'),
    results={'sat': 'foreground', 'mean-attention': 'attention', 'wsol-v2': 'foreground'},
    sizes='Parameters: 0.44 M',
)


def commands(name, folder='out'):
    """Every step of a method's life: its tool and arguments."""
    config, out = f'configs/{name}.py', f'{folder}/{name}'
    model = (config, f'work_dirs/{name}/epoch_1.pth')
    run = ('--work-dir', f'{out}/run')
    return dict(
        train=('train.py', config),
        choose=('analysis/choose_threshold.py', *model, '--out', f'{out}/thresholds.json', *run),
        test=(
            'test.py', *model, '--save-maps', f'{out}/maps.npz', '--report-dir', f'{out}/test',
            '--show-dir', f'{out}/pictures', *run,
        ),
        chosen=('test.py', *model, '--thresholds', f'{out}/thresholds.json', '--report-dir', f'{out}/chosen', *run),
        stored=(
            'analysis/evaluate_maps.py', f'out/{name}/maps.npz', '--config', config,
            '--thresholds', f'{out}/thresholds.json', '--out-dir', f'{out}/stored',
        ),
        report=(
            'analysis/report.py', f'out/{name}/test', '--maps', f'out/{name}/maps.npz', '--out', f'{out}/html',
            '--workers', '0',
        ),
        demo=('image_demo.py', IMAGE, *model, '--out-dir', f'{out}/demo', '--device', 'cpu'),
        pseudo=('dataset_converters/pseudo_label.py', *model, '--out', f'{out}/pseudo.json', '--num-workers', '0'),
        export=('deployment/export.py', *model, '--out', f'{out}/model.onnx', '--verify', IMAGE, '--rounds', '0'),
        onnx_demo=('deployment/onnx_demo.py', IMAGE, f'{out}/model.onnx', '--out', f'{out}/onnx.png'),
        flops=('analysis/get_flops.py', config),
        compare=(
            'visualization/paper_figures.py', 'compare', IMAGE, '--model', f'Ours={",".join(model)}',
            '--out', f'{out}/compare.svg', '--dpi', '40',
        ),
    )  # fmt: skip


def further_commands(name):
    """Steps with the second kind of map and other labels, and one that cannot be."""
    config, out = f'configs/{name}.py', f'out/{name}'
    model = (config, f'work_dirs/{name}/epoch_1.pth')
    return dict(
        second_demo=(
            'image_demo.py', IMAGE, *model, '--out-dir', f'{out}/second_demo', '--device', 'cpu', '--threshold', '0.8',
            '--cfg-options', 'model.head.map_kind=attention',
        ),
        second_export=(
            'deployment/export.py', *model, '--out', f'{out}/second.pt2', '--rounds', '0', '--fixed-size',
            '--cfg-options', 'model.head.map_kind=attention',
        ),
        predicted=(
            'dataset_converters/pseudo_label.py', *model, '--out', f'{out}/predicted.json', '--num-workers', '0',
            '--labels', 'predicted', '--score-thr', '0.05', '--map-kind', 'attention', '--threshold', '0.7',
        ),
        unknown_kind=(
            'dataset_converters/pseudo_label.py', *model, '--out', f'{out}/no.json', '--map-kind', 'coupled',
        ),
        layers=('visualization/paper_figures.py', 'layers', IMAGE, *model, '--out', f'{out}/layers.png', '--dpi', '40'),
        coupling=('visualization/paper_figures.py', 'coupling', IMAGE, *model, '--out', f'{out}/coupling.png'),
    )  # fmt: skip


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A copy of the project, with the data and the run that the commands of its page make."""
    folder = tmp_path_factory.mktemp('user') / 'tests' / 'example_project'
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns('__pycache__', 'data', 'work_dirs'))
    (folder.parents[1] / 'tools').symlink_to(TOOLS)
    return folder


@pytest.fixture(scope='module')
def calibrated(project):
    """The commands of the project's page, then every tool; what each printed."""
    runner = Runner(project.parents[1])
    try:
        page = runner.run(read_page('tests/example_project/README.md'), lambda block: True)
    finally:
        runner.close()
    assert (project / 'calibrated.onnx').is_file() and len(list((project / 'pictures').iterdir())) == 16
    steps = commands('calibrated')
    del steps['train'], steps['choose']
    out = project / 'out' / 'calibrated'
    out.mkdir(parents=True)
    shutil.copy(project / 'thresholds.json', out)
    return dict(train=page, choose=page, **serve_tools(project, steps))


@pytest.fixture(scope='module')
def foreground(calibrated, project):
    """Every tool, on the data that the commands of the page have made; what each printed."""
    steps = {**commands('foreground'), **further_commands('foreground')}
    return serve_tools(project, steps, refused=('unknown_kind', 'coupling'))


@pytest.fixture(params=[CALIBRATED, FOREGROUND], ids=lambda method: method.name)
def method(request):
    return request.param


@pytest.fixture
def printed(method, request):
    return request.getfixturevalue(method.name)


@pytest.fixture
def out(method, printed, project):
    return project / 'out' / method.name


def _results(folder):
    return {result['name']: result for result in json.loads((folder / 'report.json').read_text())['results']}


def _numbers(folder):
    return {name: {number['key']: number for number in each['numbers']} for name, each in _results(folder).items()}


def _rows(file):
    with file.open() as opened:
        return list(csv.DictReader(opened))


def _sizes_of_code(folder):
    # A run in the folder itself leaves configs in work_dirs/, which are no code of the project.
    for path in sorted(path for path in folder.rglob('*.py') if 'work_dirs' not in path.relative_to(folder).parts):
        yield path, sum(1 for line in path.read_text().splitlines() if line.strip())


def test_a_method_is_short():
    sizes = dict(_sizes_of_code(EXAMPLE))
    assert {path.parent.name for path in sizes} == {'example_project', 'methods', 'configs', '_base_'}
    for path, lines in sizes.items():
        assert lines <= (10 if 'configs' in path.parts else 40), path


def test_every_loss_is_logged_and_added_up(method, printed):
    line = next(line for line in printed['train'].splitlines() if 'Epoch(train)' in line)
    words = line.split()
    values = {name: float(words[words.index(f'{name}:') + 1]) for name in ('loss', *method.losses)}
    assert values['loss'] == pytest.approx(sum(values[name] for name in method.losses), abs=1e-3)
    assert all(value > 0 for value in values.values())


def test_a_test_names_kind_and_threshold(method, printed, out):
    results = _results(out / 'test')
    assert {name: result['map_kind'] for name, result in results.items()} == method.results
    for name, kind in method.results.items():
        if results[name]['metric'] == 'MaxBoxAcc':
            continue
        assert results[name]['protocol']['threshold'] == method.threshold
        assert len(_rows(out / 'test' / f'{name}.csv')) == 16
        for row in _rows(out / 'test' / f'{name}.csv'):
            assert (row['map_kind'], row['threshold'], row['threshold_source']) == (
                kind,
                str(method.threshold),
                'fixed',
            )
    (mean,) = [result for result in results.values() if result['metric'] == 'MeanIoU']
    (number,) = mean['numbers']
    assert (number['key'], number['threshold'], number['source']) == ('mean_iou', method.threshold, 'fixed')
    ious = [float(row['iou']) for row in _rows(out / 'test' / f'{mean["name"]}.csv')]
    assert number['value'] == pytest.approx(100 * np.mean(ious), abs=1e-3)
    (row,) = [line for line in printed['test'].splitlines() if 'mean_iou' in line and '%' in line]
    assert f'{method.threshold:.3f}' in row and 'fixed' in row
    for kind in set(method.results.values()):
        assert f' {kind} ' in printed['test']


def test_a_threshold_is_chosen_and_used_by_every_metric(method, printed, out):
    choices = json.loads((out / 'thresholds.json').read_text())['thresholds']
    by_kind = {(each['protocol']['name'], each['map_kind']): each['threshold'] for each in choices}
    assert {kind for _, kind in by_kind} == set(method.results.values())
    assert 'Thresholds chosen on 8 images' in printed['choose']
    for name, result in _results(out / 'chosen').items():
        if result['metric'] != 'MaxBoxAcc':
            expected = by_kind[method.protocol, method.results[name]]
            assert result['protocol']['threshold'] == expected != method.threshold
            row = _rows(out / 'chosen' / f'{name}.csv')[0]
            assert (row['map_kind'], row['threshold_source']) == (method.results[name], 'val')
            assert float(row['threshold']) == pytest.approx(expected)
    (number,) = next(each for each in _numbers(out / 'chosen').values() if 'mean_iou_val' in each).values()
    assert number['source'] == 'val'
    # The same from the saved maps alone.
    assert _numbers(out / 'stored') == _numbers(out / 'chosen')
    assert all(result['map_kind'] == method.results[name] for name, result in _results(out / 'stored').items())


def test_saved_maps(method, out):
    maps = MapFile(out / 'maps.npz')
    assert [(kind.name, kind.title, kind.class_agnostic) for kind in maps.map_kinds] == [
        (name, title, method.agnostic) for name, title in method.kinds.items()
    ]
    for sample in maps:
        drawn = sample['class_maps']
        assert (drawn['map_kind'], drawn['threshold'], drawn['protocol']) == (
            method.kind,
            method.threshold,
            method.protocol,
        )
        assert np.array_equal(drawn['maps'], drawn[method.kind])
        assert all(np.ptp(drawn[kind]) > 0 for kind in method.kinds)


def test_the_html_report(method, out):
    page = out / 'html'
    data = json.loads((page / 'data.js').read_text().partition(' = ')[2].rstrip(';\n'))
    assert data['runs'][0]['results'] == list(_results(out / 'test').values())
    (gallery,) = data['gallery']['runs']
    assert gallery['name'] == next(iter(method.results))
    assert [(kind['name'], kind['title'], kind['agnostic'], kind['scored']) for kind in gallery['kinds']] == [
        (name, title, method.agnostic, name == method.kind) for name, title in method.kinds.items()
    ]
    for kind in method.kinds:
        # One of the true class for each image, and others of the predicted class.
        assert sum('-predicted' not in path.name for path in (page / 'maps' / '0' / kind).rglob('*.jpg')) == 16


def test_the_map_beside_a_box_is_the_one_it_was_drawn_from(method, out, project):
    files = sorted((out / 'pictures').glob('*.png'))
    assert len(files) == 16
    for file, sample in list(zip(files, MapFile(out / 'maps.npz'), strict=True))[::5]:
        image = read_image(str(project / sample['img_path']))
        scale = (size := fit_size(image, 480, 240))[0] / image.shape[1], size[1] / image.shape[0]
        small, drawn = resize_image(image, size), sample['class_maps']
        row = drawn['labels'].tolist().index(sample['pred_label'])
        first, second = (overlay_map(small, drawn[kind][row]) for kind in method.kinds)
        boxed = small.copy()
        boxes = boxes_to_image(map_to_boxes(drawn[method.kind][row], method.rules), image.shape[1::-1], method.rules)
        draw_boxes(boxed, sample['gt_instances']['bboxes'] * np.tile(scale, 2), TRUE_COLOR)
        draw_boxes(boxed, boxes * np.tile(scale, 2), PREDICTED_COLOR)

        picture = cv2.imread(str(file))[..., ::-1]
        columns = len(method.kinds) + 2
        for column, panel in enumerate((small, second, first, boxed)):
            left, right = picture.shape[1] * column // columns, picture.shape[1] * (column + 1) // columns
            part = picture[:, left:right]
            _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(part, panel, cv2.TM_SQDIFF))
            assert np.array_equal(part[y : y + size[1], x : x + size[0]], panel), (file.name, column)


def _demo(folder):
    return json.loads((folder / 'predictions.json').read_text())['predictions'][0]


def test_the_demo_and_the_exported_model_agree(method, printed, out, project):
    found = _demo(out / 'demo')
    assert (found['map_kind'], found['threshold'], found['protocol']) == (
        method.kind,
        method.threshold,
        method.protocol,
    )
    assert (out / 'demo' / 'vis' / Path(IMAGE).name).is_file()

    session, metadata = load_exported(out / 'model.onnx', onnx=True)
    assert (metadata['map_kind'], metadata['protocol']['name'], metadata['protocol']['threshold']) == (
        method.kind,
        method.protocol,
        method.threshold,
    )
    assert metadata['map_kinds'] == [
        dict(name=name, title=title, class_agnostic=method.agnostic) for name, title in method.kinds.items()
    ]
    agnostic = list(method.kinds) if method.agnostic else []
    assert printed['export'].rstrip().endswith(f'outputs {", ".join(["scores", "maps", *agnostic])}')
    outputs = session(np.full((1, 3, 80, 112), 127, np.float32))
    assert [each.shape for each in outputs] == [(1, 8), (1, 8, 10, 14), *[(1, 10, 14)] * len(agnostic)]

    seen = json.loads(printed['onnx_demo'].splitlines()[-1])
    assert (seen['label'], seen['name']) == (found['pred_label'], found['pred_class'])
    assert seen['boxes'][0] == pytest.approx(found['bboxes'][0], abs=0.01)


def test_pseudo_labels(method, out):
    content = json.loads((out / 'pseudo.json').read_text())
    info = content['info']
    assert (info['map_kind'], info['threshold'], info['protocol']['name']) == (
        method.kind,
        method.threshold,
        method.protocol,
    )
    assert len(content['images']) == len(content['annotations']) == 16


def test_sizes_and_figures(method, printed, out):
    assert method.sizes in printed['flops'] and 'MACs: ' in printed['flops']
    assert 'Unsupported operator aten::scaled_dot_product_attention' not in printed['flops']
    figure = (out / 'compare.svg').read_text()
    assert all(f'>{title}</text>' in figure for title in method.kinds.values())


def test_the_second_kind_localises_where_it_is_asked_for(foreground, project):
    out = project / 'out' / 'foreground'
    found = _demo(out / 'second_demo')
    assert (found['map_kind'], found['threshold'], found['protocol']) == ('attention', 0.8, 'sat')
    (drawn,) = [each for each in MapFile(out / 'maps.npz') if each['img_path'] == IMAGE]
    rules = get_protocol('sat', threshold=0.8)
    boxes = [
        boxes_to_image(map_to_boxes(drawn['class_maps'][kind][0], rules), (found['width'], found['height']), rules)
        for kind in ('attention', 'foreground')
    ]
    assert found['bboxes'][0] == pytest.approx(boxes[0][0].tolist(), abs=0.01) != boxes[1][0].tolist()

    program, metadata = load_exported(out / 'second.pt2', onnx=False)
    assert metadata['map_kind'] == 'attention'
    images = np.random.default_rng(0).uniform(0, 255, (2, 3, 80, 80)).astype(np.float32)
    _, maps, first, second = program(images)
    assert maps.shape == (2, 8, 10, 10) and np.array_equal(maps[:, 3], second) and not np.allclose(maps[:, 3], first)

    info = json.loads((out / 'predicted.json').read_text())['info']
    assert (info['labels'], info['map_kind'], info['threshold']) == ('predicted', 'attention', 0.7)
    assert (info['protocol']['name'], info['protocol']['threshold']) == ('sat', 0.7)


def test_one_clear_line_where_a_head_has_no_such_maps(foreground):
    assert foreground['unknown_kind'] == (
        "map_kind of ForegroundHead must be one of foreground, attention, got 'coupled' (--map-kind)\n"
    )
    (line,) = foreground['coupling'].strip().splitlines()
    assert line.endswith('couples nothing: it has no coupled maps, only foreground and attention')


def test_tools_by_their_command_lines(calibrated, project):
    """Processes of their own, with their own imports, give what forks of a process with all imports give."""
    again = commands('calibrated', 'again')
    for step in ('choose', 'chosen', 'stored', 'report', 'demo', 'pseudo'):
        run_tool(project, *again[step])
    out, again = project / 'out' / 'calibrated', project / 'again' / 'calibrated'
    assert json.loads((again / 'thresholds.json').read_text()) == json.loads((out / 'thresholds.json').read_text())
    assert _numbers(again / 'chosen') == _numbers(again / 'stored') == _numbers(out / 'chosen')
    assert _demo(again / 'demo') == _demo(out / 'demo')
    assert (again / 'pseudo.json').read_bytes() == (out / 'pseudo.json').read_bytes()
    assert (again / 'html' / 'data.js').read_bytes() == (out / 'html' / 'data.js').read_bytes()
