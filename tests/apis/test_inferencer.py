import copy
import csv
import json
import os
import pickle
import shutil
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image
from pycocotools.coco import COCO
from tiny_fonts import make_font

from mmtscam.apis import LocInferencer
from mmtscam.registry import DATASETS
from mmtscam.structures import LocDataSample
from mmtscam.visualization import draw_panels


@pytest.fixture
def inferencer(tiny_config, checkpoint):
    return LocInferencer(tiny_config, checkpoint, device='cpu', show_progress=False)


@pytest.fixture
def paths(sample_set):
    return sorted(str(path) for path in (sample_set / 'images').rglob('*.jpg'))[:7]


@pytest.fixture
def folder(paths, tmp_path):
    """A folder with images below it, two of which cannot be read."""
    folder = tmp_path / 'folder'
    (folder / 'sub').mkdir(parents=True)
    for place, path in zip(('a.jpg', 'c.jpg', 'sub/a.jpg'), paths, strict=False):
        shutil.copy(path, folder / place)
    (folder / 'b.jpg').write_text('hello')
    (folder / 'sub' / 'z.png').touch()
    return folder


def test_it_predicts_what_a_test_does(inferencer, tiny_config):
    dataset = DATASETS.build(tiny_config.test_dataloader.dataset)
    rows = [dataset[index] for index in range(5)]
    with torch.no_grad():
        expected = inferencer.model.test_step(
            dict(inputs=[row['inputs'] for row in rows], data_samples=[row['data_samples'] for row in rows])
        )
    paths = [row['data_samples'].img_path for row in rows]
    samples = inferencer(paths, batch_size=2, return_datasamples=True)['predictions']
    for ours, theirs in zip(samples, expected, strict=True):
        torch.testing.assert_close(ours.pred_score, theirs.pred_score)
        torch.testing.assert_close(ours.pred_instances.bboxes, theirs.pred_instances.bboxes)
        assert ours.ori_shape == theirs.ori_shape
    assert len({tuple(sample.pred_instances.bboxes[0].tolist()) for sample in samples}) > 1


def test_plain_values_are_those_of_the_samples(inferencer, paths):
    (plain,) = inferencer(paths[0])['predictions']
    (sample,) = inferencer(paths[0], return_datasamples=True)['predictions']
    assert type(sample) is LocDataSample
    label = sample.pred_label.item()
    assert (plain['img_path'], plain['height'], plain['width']) == (paths[0], *sample.ori_shape)
    assert (plain['pred_label'], plain['pred_class']) == (label, inferencer.classes[label])
    assert plain['pred_score'] == pytest.approx(sample.pred_score[label].item(), abs=1e-6)
    assert plain['labels'] == sample.pred_instances.labels.tolist()
    assert plain['classes'] == [inferencer.classes[each] for each in plain['labels']]
    assert np.allclose(plain['bboxes'], sample.pred_instances.bboxes, atol=0.01)
    assert np.allclose(plain['scores'], sample.pred_instances.scores, atol=1e-6)
    assert (plain['threshold'], plain['map_kind']) == (inferencer.model.head.settings.protocol.threshold, 'coupled')
    assert json.loads(json.dumps(plain)) == plain


def test_every_kind_of_input(inferencer, paths):
    with Image.open(paths[0]) as image:
        array = np.asarray(image.convert('RGB'))[..., ::-1]
    (expected,) = inferencer(paths[0])['predictions']
    for inputs in (Path(paths[0]), array, [paths[0]], (array,)):
        (found,) = inferencer(inputs)['predictions']
        assert {**found, 'img_path': ''} == {**expected, 'img_path': ''}
    assert inferencer([array, array])['predictions'][1]['img_path'] == 'array 1'


@pytest.mark.parametrize('batch_size', [1, 2, 16])
def test_a_folder_goes_on_where_a_file_is_broken(inferencer, folder, tmp_path, batch_size):
    out_dir = tmp_path / 'out'
    results = inferencer(folder, batch_size=batch_size, out_dir=out_dir, return_vis=True, topk=1)
    names = ['a.jpg', 'b.jpg', 'c.jpg', 'sub/a.jpg', 'sub/z.png']
    assert [each['img_path'] for each in results['predictions']] == [str(folder / name) for name in names]
    assert [name for name, each in zip(names, results['predictions'], strict=True) if 'error' in each] == [
        'b.jpg',
        'sub/z.png',
    ]
    assert results['predictions'][1]['error'].startswith(f'{folder}/b.jpg: cannot be read as an image')
    assert [picture is None for picture in results['visualization']] == ['error' in p for p in results['predictions']]
    assert sorted(str(path.relative_to(out_dir)) for path in out_dir.rglob('*') if path.is_file()) == [
        'predictions.json', 'vis/a.jpg', 'vis/c.jpg', 'vis/sub/a.jpg',
    ]  # fmt: skip
    # The same as one by one.
    alone = inferencer(folder / 'c.jpg', topk=1)['predictions'][0]
    assert alone['labels'] == results['predictions'][2]['labels']
    assert alone['bboxes'] == results['predictions'][2]['bboxes']
    assert inferencer(folder, return_datasamples=True)['predictions'][1] is None


def test_where_is_the(inferencer, paths):
    first, second = inferencer.classes[5], inferencer.classes[2]
    (sample,) = inferencer(paths[0], classes=[first.upper(), second.replace('_', ' ')], return_datasamples=True)[
        'predictions'
    ]
    assert sample.pred_instances.labels.tolist() == sample.class_maps.labels.tolist() == [5, 2]
    assert inferencer(paths[0], classes=[5, '2'])['predictions'][0]['labels'] == [5, 2]


def test_settings_of_one_call(inferencer, paths):
    before = inferencer(paths[0])['predictions'][0]
    assert len(before['labels']) == 5
    semantic = inferencer(paths[0], topk=2, threshold=0.6, map_kind='semantic', return_datasamples=True)
    (sample,) = semantic['predictions']
    assert sample.class_maps.threshold == 0.6
    assert torch.equal(sample.class_maps.maps, sample.class_maps.semantic)
    assert sample.pred_instances.labels.tolist() == before['labels'][:2]
    assert inferencer(paths[0])['predictions'][0] == before
    with pytest.raises(ValueError, match='threshold'):
        inferencer(paths[0], threshold=2)
    assert inferencer(paths[0])['predictions'][0] == before


def test_threads_take_turns(inferencer, paths):
    """Each gets the boxes of its own image, though class attention is kept in the backbone for a moment."""
    expected = [inferencer(path)['predictions'] for path in paths]
    # The others run while one is between two blocks.
    inferencer.model.backbone.layers[0].register_forward_hook(lambda *args: time.sleep(0.01))
    found, errors = {}, []

    def work(number):
        try:
            for place in range(number, len(paths), 4):
                found[place] = inferencer(paths[place])['predictions']
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [found[place] for place in range(len(paths))] == expected


@pytest.mark.parametrize('copied', [copy.deepcopy, lambda inferencer: pickle.loads(pickle.dumps(inferencer))])
def test_a_copy_predicts_the_same(inferencer, paths, copied):
    assert copied(inferencer)(paths[:2]) == inferencer(paths[:2])


@pytest.mark.parametrize(('precision', 'tolerance'), [('half', 1e-3), ('bfloat16', 1e-2), ('double', 1e-5)])
def test_weights_of_another_precision(tiny_config, checkpoint, inferencer, paths, precision, tolerance):
    other = LocInferencer(tiny_config, checkpoint, device='cpu', show_progress=False)
    getattr(other.model, precision)()
    for ours, theirs in zip(other(paths)['predictions'], inferencer(paths)['predictions'], strict=True):
        assert ours['scores'] == pytest.approx(theirs['scores'], abs=tolerance)


def test_views_of_another_precision(tiny_config, checkpoint, paths):
    inferencer = LocInferencer(tiny_config, checkpoint, device='cpu', show_progress=False, tta=True, zoom=True)
    (expected,) = inferencer(paths[0])['predictions']
    inferencer.model.half()
    assert inferencer(paths[0])['predictions'][0]['scores'] == pytest.approx(expected['scores'], abs=1e-2)


def test_layers(tiny_config, checkpoint, inferencer, paths):
    last = LocInferencer(tiny_config, checkpoint, layers=[-1], show_progress=False)
    (one,), (all_,) = (each(paths[0], return_datasamples=True)['predictions'] for each in (last, inferencer))
    assert last.model.backbone.attn_layers == [1]
    assert not torch.equal(one.class_maps.attention, all_.class_maps.attention)
    torch.testing.assert_close(one.pred_score, all_.pred_score)
    with pytest.raises(ValueError, match='attn_layers must name blocks'):
        LocInferencer(tiny_config, checkpoint, layers=[7])


def test_pictures(inferencer, paths, tmp_path):
    results = inferencer(paths[:3], return_vis=True, return_datasamples=True, out_dir=tmp_path / 'out')
    for path, sample, picture in zip(paths, results['predictions'], results['visualization'], strict=False):
        with Image.open(path) as image:
            assert np.array_equal(picture, draw_panels(np.asarray(image.convert('RGB')), sample, inferencer.classes))
        with Image.open(tmp_path / 'out' / 'vis' / Path(path).name) as written:
            assert np.abs(np.asarray(written).astype(int) - picture).mean() < 4
    assert 'visualization' not in inferencer(paths[0])


def test_the_font_of_pictures_is_that_of_the_config(tiny_config, checkpoint, paths, tmp_path):
    tiny_config.visualizer.font = str(make_font(tmp_path / 'mine.ttf', 'Tern', 'Mine'))
    inferencer = LocInferencer(tiny_config, checkpoint, show_progress=False)
    inferencer.classes = ['Tern'] * 8
    results = inferencer(paths[0], return_vis=True, return_datasamples=True)
    with Image.open(paths[0]) as image:
        arguments = np.asarray(image.convert('RGB')), results['predictions'][0], inferencer.classes
    assert np.array_equal(results['visualization'][0], draw_panels(*arguments, font=tiny_config.visualizer.font))
    assert not np.array_equal(results['visualization'][0], draw_panels(*arguments))
    tiny_config.visualizer.font = 'nosuchfont'
    with pytest.raises(ValueError, match="font 'nosuchfont': neither a font file"):
        LocInferencer(tiny_config, checkpoint)


def test_windows(inferencer, paths, monkeypatch):
    shown = []
    monkeypatch.setattr('mmtscam.apis.inferencer.check_display', lambda: None)  # the machine may have none
    monkeypatch.setattr(
        inferencer.visualizer, 'show', lambda picture, win_name, wait_time: shown.append((win_name, wait_time))
    )
    inferencer(paths[:2], show=True, wait_time=1.5)
    assert shown == [(path, 1.5) for path in paths[:2]]


def test_windows_without_a_display(inferencer, paths, tmp_path, monkeypatch):
    monkeypatch.setattr(inferencer, 'forward', lambda *args: pytest.fail('computes'))
    plt.switch_backend('agg')
    with pytest.raises(ValueError, match='no window can be opened to show pictures'):
        inferencer(paths[:2], show=True, out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_files_of_predictions(inferencer, folder, tmp_path):
    out_dir = tmp_path / 'out'
    predictions = inferencer(folder, out_dir=out_dir, no_save_vis=True, pred_formats=['json', 'csv', 'coco'], topk=2)[
        'predictions'
    ]
    assert sorted(path.name for path in out_dir.iterdir()) == ['coco.json', 'predictions.csv', 'predictions.json']
    record = json.loads((out_dir / 'predictions.json').read_text())
    assert record['predictions'] == predictions
    assert record['classes'] == list(inferencer.classes)

    with (out_dir / 'predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 + 2
    first = predictions[0]
    assert [float(rows[1][key]) for key in ('x1', 'y1', 'x2', 'y2')] == first['bboxes'][1]
    assert (rows[1]['class'], rows[1]['img_path']) == (first['classes'][1], first['img_path'])
    assert [bool(row['error']) for row in rows] == [False] * 2 + [True] + [False] * 4 + [True]

    coco = COCO(str(out_dir / 'coco.json'))
    assert [image['file_name'] for image in coco.loadImgs(coco.getImgIds())] == [
        Path(each['img_path']).relative_to(folder).as_posix() for each in predictions if 'error' not in each
    ]
    assert json.loads((out_dir / 'coco.json').read_text())['licenses'] == []
    x1, y1, x2, y2 = first['bboxes'][0]
    annotation = coco.loadAnns(coco.getAnnIds(imgIds=[1]))[0]
    assert annotation['bbox'] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.01)
    assert coco.loadCats([annotation['category_id']])[0]['name'] == first['classes'][0]


def test_coco_names_files_within_their_folder(inferencer, paths, tmp_path):
    inferencer([paths[0], paths[1]], out_dir=tmp_path, no_save_vis=True, pred_formats='coco')
    names = [image['file_name'] for image in json.loads((tmp_path / 'coco.json').read_text())['images']]
    root = Path(os.path.commonpath([Path(path).parent for path in paths[:2]]))
    assert [str(root / name) for name in names] == [str(path) for path in paths[:2]]
    assert not any(Path(name).is_absolute() for name in names)


def test_coco_in_a_layout_from_category_0(inferencer, folder, tmp_path):
    settings = dict(out_dir=tmp_path / 'out', no_save_vis=True, pred_formats=['coco'], layout='flat', first_category=0)
    (tmp_path / 'out').mkdir()
    predictions = inferencer(folder, **settings)['predictions']
    coco = COCO(str(tmp_path / 'out' / 'coco' / 'annotations' / 'instances_train.json'))
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['coco']
    assert [coco.loadImgs(index)[0]['file_name'] for index in (1, 2, 3)] == ['a.jpg', 'c.jpg', 'sub__a.jpg']
    copies = tmp_path / 'out' / 'coco' / 'images' / 'train'
    assert (copies / 'sub__a.jpg').read_bytes() == (folder / 'sub' / 'a.jpg').read_bytes()
    assert len(list(copies.iterdir())) == 3
    assert coco.getCatIds() == list(range(8))
    annotation = coco.loadAnns(coco.getAnnIds(imgIds=[1]))[0]
    assert coco.loadCats([annotation['category_id']])[0]['name'] == predictions[0]['classes'][0]
    with pytest.raises(FileExistsError, match=r'instances_train\.json: is there already'):
        inferencer(folder, **settings)


def test_a_layout_that_cannot_be_is_refused_before_the_run(inferencer, folder, paths, tmp_path):
    for inputs, settings, message in (
        (folder, dict(pred_formats=['json']), r"layout='flat' is one of COCO files: add 'coco' to pred_formats"),
        (folder, dict(out_dir=''), r"layout='flat' is one of COCO files"),
        (folder, dict(out_dir=folder), r'coco: lies in the folder of images'),
        ([paths[0], 'https://a.b/x.jpg'], {}, r'https://a\.b/x\.jpg: is no file here'),
        ([np.zeros((9, 9, 3), np.uint8)], {}, r'array 0: is no file here'),
        (folder, dict(layout='yolo'), r'layout must be one of plain'),
    ):
        with pytest.raises(ValueError, match=message):
            inferencer(
                inputs,
                **{**dict(out_dir=tmp_path / 'o', no_save_vis=True, pred_formats='coco', layout='flat'), **settings},
            )
    assert not (tmp_path / 'o').exists()


def test_the_contract_of_mmengine(inferencer, paths):
    """``preprocess``, ``forward``, ``visualize`` and ``postprocess`` can be called by themselves."""
    with Image.open(paths[0]) as image:
        array = np.asarray(image.convert('RGB'))
    first, second = inferencer.preprocess([*paths[1:3], paths[0]], batch_size=2)
    assert len(first['inputs']) == 2
    batch = second
    samples = list(inferencer.forward(batch))
    pictures = inferencer.visualize([array], samples)
    results = inferencer.postprocess(samples, pictures)
    assert results['predictions'] == inferencer(paths[0])['predictions']
    assert inferencer.postprocess(samples, pictures, return_datasamples=True)['predictions'] == samples
    assert results['visualization'] is pictures


def test_a_config_within_the_checkpoint(tiny_config, checkpoint, paths, tmp_path, inferencer):
    content = torch.load(checkpoint)
    content['message_hub'] = dict(runtime_info=dict(cfg=tiny_config.pretty_text))
    torch.save(content, tmp_path / 'whole.pth')
    whole = LocInferencer(weights=str(tmp_path / 'whole.pth'), layers=[0], show_progress=False)
    assert whole.model.backbone.attn_layers == [0]
    assert whole(paths[0])['predictions'][0]['scores'] == inferencer(paths[0])['predictions'][0]['scores']


def test_names_of_the_classes(tiny_config, checkpoint, tmp_path):
    """They come from the checkpoint, else from the config, if there are as many as classes."""
    content = torch.load(checkpoint)
    own = content['meta']['dataset_meta']['classes']
    bare = copy.deepcopy(tiny_config)
    bare.test_dataloader.dataset = dict(pipeline=bare.test_dataloader.dataset.pipeline)
    other = dict(dataset_meta=dict(classes=('Grebe',)))
    for cfg, meta, expected in (
        (tiny_config, {}, own),
        (tiny_config, other, own),
        (bare, other, None),
    ):
        torch.save({**content, 'meta': meta}, tmp_path / 'other.pth')
        inferencer = LocInferencer(cfg, str(tmp_path / 'other.pth'), show_progress=False)
        assert inferencer.classes == expected
    torch.save({**content, 'meta': dict(dataset_meta=dict(classes=own[::-1]))}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=f'class 0 is {own[-1]!r} in .*other.pth and {own[0]!r} in'):
        LocInferencer(tiny_config, str(tmp_path / 'other.pth'), show_progress=False)
    with pytest.raises(ValueError, match=r"class 'Grebe': the names of the classes are not known; .* from 0 to 7"):
        inferencer.class_index('Grebe')


def test_what_is_refused(tiny_config, checkpoint, inferencer, paths, tmp_path):
    near = inferencer.classes[0][:-1]
    for arguments, message in (
        (dict(classes=[]), 'must be named, each once'),
        (dict(classes=1.0), 'class 1.0: give a name or an index, not a float'),
        (dict(classes=True), 'class True: give a name or an index, not a bool'),
        (dict(classes=[None]), 'class None: give a name or an index, not a NoneType'),
        (dict(batch_size=0), 'batch_size must be at least 1'),
        (dict(batch_size=2.5), 'batch_size must be a whole number, got 2.5'),
        (dict(batch_size='2'), "batch_size must be a whole number, got '2'"),
        (dict(topk='3'), "topk must be from 1 to the number of classes, 8, got '3'"),
        (dict(topk=True), 'topk must be from 1 to the number of classes, 8, got True'),
        (dict(min_area='a'), r"min_area must be a share in \[0, 1\], got 'a'"),
        (dict(min_area=float('nan')), r'min_area must be a share in \[0, 1\], got nan'),
        (dict(out_dir=3), 'out_dir must be a path, got 3'),
        (dict(out_dir=None), 'out_dir must be a path, got None'),
        (dict(pred_score_thr=float('nan')), 'pred_score_thr must be a number, got nan'),
        (dict(wait_time='long'), "wait_time must be a number, got 'long'"),
        (dict(pred_formats=3), 'unknown format 3: choose from json, csv, coco'),
        (dict(pred_formats=['xml']), "unknown format 'xml': choose from json, csv, coco"),
        (dict(classes=[8]), 'class 8: the model has the classes 0 to 7'),
        (dict(classes=[near]), f'did you mean {inferencer.classes[0]}'),
        (dict(classes=[1, 1]), 'must be named, each once'),
        (dict(topk=9), 'topk must be from 1 to the number of classes, 8'),
        (dict(map_kind='cam'), "map_kind of TSCAMHead must be one of coupled, attention, semantic, got 'cam'"),
    ):
        with pytest.raises(ValueError, match=message):
            inferencer(paths[:2], **arguments)
    with pytest.raises(ValueError, match='the list is empty'):
        inferencer([])
    with pytest.raises(FileNotFoundError, match=r'none\.jpg: no such file'):
        inferencer('none.jpg')
    for model, weights, error in (
        ('none.py', checkpoint, 'none.py: config file not found'),
        (tiny_config, 'none.pth', 'none.pth: checkpoint not found'),
        (None, 'none.pth', 'none.pth: checkpoint not found'),
    ):
        with pytest.raises(FileNotFoundError, match=error):
            LocInferencer(model, weights)
    with pytest.raises(ValueError, match='name a checkpoint'):
        LocInferencer(tiny_config)
    for arguments, message in (
        (dict(weights=3), 'weights must be a path, got 3'),
        (dict(model=3), 'model must be a path, got 3'),
        (dict(num_workers=2.5), 'num_workers must be a whole number, got 2.5'),
        (dict(num_workers=-1), 'num_workers must be at least 0, got -1'),
        (dict(device='meta'), 'device meta: holds no numbers'),
        (dict(layers=3), 'attn_layers must name blocks from -2 to 1, got 3'),
        (dict(layers=['last']), r"attn_layers must name blocks from -2 to 1, got \['last'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            LocInferencer(**{**dict(model=tiny_config, weights=checkpoint), **arguments})
    with pytest.raises(ValueError, match=r'lively\.pth: holds no config: name one'):
        LocInferencer(weights=checkpoint)
    other = copy.deepcopy(tiny_config)
    other.model.head.num_classes = 5
    with pytest.raises(ValueError, match=r'lively\.pth: has 8 classes and this config 5: set model.head.num_classes=8'):
        LocInferencer(other, checkpoint)


@pytest.mark.parametrize(
    'steps',
    [
        [dict(type='LoadResizedImage', scale=80)],
        [dict(type='LoadImageFromFile'), dict(type='mmpretrain.Resize', scale=80, backend='pillow')],
    ],
)
def test_other_pipelines_with_the_same_pixels(tiny_config, checkpoint, paths, inferencer, steps):
    other = copy.deepcopy(tiny_config)
    other.test_dataloader.dataset.pipeline = [*steps, dict(type='PackLocInputs')]
    init_default_scope('mmtscam')
    theirs = LocInferencer(other, checkpoint, show_progress=False)
    assert theirs(paths)['predictions'] == inferencer(paths)['predictions']


def test_pipelines_that_do_not_fit(tiny_config, checkpoint):
    steps = tiny_config.test_dataloader.dataset.pipeline
    for pipeline, message in (
        (steps[1:], r'sample\.py: its test pipeline must begin'),
        ([], r'sample\.py: has no pipe'),
    ):
        tiny_config.test_dataloader.dataset.pipeline = pipeline
        with pytest.raises(ValueError, match=message):
            LocInferencer(tiny_config, checkpoint)


def test_boxes_of_low_scores_and_printing(inferencer, paths, capsys):
    alike = inferencer(paths[0], classes=[0, 1], return_vis=True, pred_score_thr=0.0)
    score = alike['predictions'][0]['scores'][0]
    for thr, same in ((score - 0.01, True), (score + 0.01, False)):
        found = inferencer(paths[0], classes=[0], return_vis=True, pred_score_thr=thr, print_result=True)
        one = inferencer(paths[0], classes=[0], return_vis=True)
        assert found['predictions'] == one['predictions']
        assert np.array_equal(found['visualization'][0], one['visualization'][0]) == same
        assert capsys.readouterr().out == f'{dict(predictions=found["predictions"])}\n'


def test_images_of_one_name_keep_their_pictures(inferencer, paths, tmp_path):
    copies = []
    for number in range(6):
        copies.append(tmp_path / str(number) / 'same.jpg')
        copies[-1].parent.mkdir()
        shutil.copy(paths[number % 3], copies[-1])
    names = ['same.jpg', *(f'same_{number:08d}.jpg' for number in range(1, 6))]
    inferencer([*map(str, copies)], out_dir=tmp_path / 'out', batch_size=3)
    assert sorted(path.name for path in (tmp_path / 'out' / 'vis').iterdir()) == sorted(names)
    folder = tmp_path / 'folder'
    folder.mkdir()
    for name in ('a.png', 'a.png.jpg', 'A.JPG', 'a.jpg'):
        with Image.open(paths[0]) as image:
            image.save(folder / name, format='PNG')
    inferencer(folder, out_dir=tmp_path / 'out2')
    assert len(list((tmp_path / 'out2' / 'vis').iterdir())) == 4


def test_a_picture_that_cannot_be_written_is_told(inferencer, paths, tmp_path):
    folder = tmp_path / 'folder'
    folder.mkdir()
    long = f'{"n" * 250}.png'  # too long a name with another ending
    for name, path in zip(('a.jpg', long), paths, strict=False):
        shutil.copy(path, folder / name)
    found = inferencer(folder, out_dir=tmp_path / 'out')['predictions']
    assert ['error' in each for each in found] == [False, True]
    assert 'too long' in found[1]['error']
    assert json.loads((tmp_path / 'out' / 'predictions.json').read_text())['predictions'] == found


def test_a_failure_leaves_the_files_of_an_earlier_run_and_its_own_beside_them(inferencer, paths, tmp_path, monkeypatch):
    out, formats = tmp_path / 'out', ('json', 'csv', 'coco')
    inferencer(paths, batch_size=2, out_dir=out, pred_formats=formats)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert len(before) == 3
    forward, calls = inferencer.forward, []

    def fail_later(batch, settings):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(batch, settings)

    monkeypatch.setattr(inferencer, 'forward', fail_later)
    monkeypatch.setattr(inferencer, 'show_progress', True)
    with pytest.raises(KeyboardInterrupt):
        inferencer(paths, batch_size=2, out_dir=out, pred_formats=formats)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert sorted(path.name for path in (out / 'partial').iterdir()) == sorted(before)
    assert len(json.loads((out / 'partial' / 'predictions.json').read_text())['predictions']) == 4
    assert len(json.loads((out / 'partial' / 'coco.json').read_text())['images']) == 4


def test_a_place_that_cannot_be_written_is_refused_before_the_first_image(inferencer, paths, tmp_path, monkeypatch):
    monkeypatch.setattr(inferencer, 'forward', lambda *args: pytest.fail('computes'))
    (tmp_path / 'file').touch()
    for skipped in ({}, dict(no_save_vis=True), dict(no_save_pred=True)):
        with pytest.raises(ValueError, match='file: is a file; name a folder for the results'):
            inferencer(paths[:2], out_dir=tmp_path / 'file' / 'below', **skipped)
        with pytest.raises(OSError, match=r'^/proc/below: cannot be written'):
            inferencer(paths[:2], out_dir='/proc/below', **skipped)


def test_images_of_several_shapes_in_a_batch(tiny_config, checkpoint, paths, tmp_path):
    """The results are those of one by one: images are not padded to the largest."""
    tiny_config.test_dataloader.dataset.pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='mmpretrain.Resize', scale=(80, 80), keep_ratio=True),
        dict(type='PackLocInputs'),
    ]
    files = []
    for number, size in enumerate([(160, 80), (80, 160), (160, 80), (100, 100)]):
        files.append(str(tmp_path / f'{number}.png'))
        with Image.open(paths[number]) as image:
            image.resize(size).save(files[-1])
    inferencer = LocInferencer(tiny_config, checkpoint, show_progress=False)
    together, apart = (inferencer(files, batch_size=size)['predictions'] for size in (4, 1))
    for one, other in zip(together, apart, strict=True):
        assert one['labels'] == other['labels']
        assert np.allclose(one['scores'], other['scores'], atol=1e-5)


def test_images_are_never_overwritten_nor_pictures_taken_for_images(inferencer, paths, tmp_path):
    folder = tmp_path / 'vis'
    folder.mkdir()
    shutil.copy(paths[0], folder / 'a.jpg')
    before = (folder / 'a.jpg').read_bytes()
    for inputs, out_dir, message in (
        (folder / 'a.jpg', tmp_path, 'is one of the images, and would be overwritten'),
        (folder, tmp_path, 'lies in the folder of images'),
        (folder, folder / 'below', 'lies in the folder of images'),
        (paths[0], folder / 'a.jpg', 'is a file; name a folder'),
    ):
        with pytest.raises(ValueError, match=message):
            inferencer(inputs, out_dir=out_dir)
    assert (folder / 'a.jpg').read_bytes() == before
    assert len(list(folder.iterdir())) == 1


def test_one_name_instead_of_a_list(inferencer, paths, tmp_path):
    found = inferencer(paths[0], classes=inferencer.classes[3], out_dir=tmp_path / 'out', pred_formats='csv')
    assert found['predictions'][0]['labels'] == [3]
    assert (tmp_path / 'out' / 'predictions.csv').is_file()


def test_inputs_of_no_known_kind(inferencer, paths):
    with Image.open(paths[0]) as image:
        for inputs in (image, [paths[0], image], None):
            with pytest.raises(TypeError, match='an image is a path, a URL or an array'):
                inferencer(inputs)
    for inputs in ('', [paths[0], '']):
        with pytest.raises(ValueError, match=r'^the path of an image is empty: name an image$'):
            inferencer(inputs)
    with pytest.raises(ValueError, match='is a folder, which goes alone'):
        inferencer([paths[0], Path(paths[0]).parent])
