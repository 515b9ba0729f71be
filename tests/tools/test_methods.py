"""The methods after TS-CAM, and a refinement of its maps, go through every tool, and each result names their map."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmtscam.deployment.check import load_exported
from mmtscam.registry import DATASETS, MODELS
from mmtscam.utils.config import read_config

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
BACKBONES = {
    'sat': dict(type='SATDeiT', gated_blocks=1),
    'gtformer': dict(type='SATDeiT', gated_blocks=1, spatial_tokens='image'),
    'scm': dict(attention='always'),
    'trilite': dict(frozen_stages=2, final_norm=False),
    'sem': {},
}
HEADS = {
    'sat': dict(type='SATHead', map_kind='foreground', protocol='sat', threshold=0.4),
    'scm': dict(type='SCMHead', map_kind='coupled'),
    'trilite': dict(
        _delete_=True, type='TriLiteHead', num_classes=8, in_channels=32, map_kind='foreground', protocol='sat'
    ),
}
HEADS['gtformer'] = HEADS['sat']
HEADS['sem'] = dict(refine=dict(type='SelfEnhancement', share=0.1), map_kind='enhanced')
KINDS = dict(scm=('tscam', 'coupled'), sem=('tscam', 'enhanced'))


@pytest.fixture
def files(tool_config, tmp_path, request):
    """Config and checkpoint of a tiny model of a method, under which maps are not flat."""
    cfg, method = tool_config, request.param
    cfg.model.backbone.update(BACKBONES[method])
    cfg.merge_from_dict(dict(model=dict(head=HEADS[method])))
    own = HEADS[method].get('protocol', 'tscam')
    cfg.val_evaluator = [dict(type='LocAccuracy', protocol=own)]
    cfg.test_evaluator = [*cfg.val_evaluator, dict(type='MaxBoxAcc', protocol='wsol-v2')]
    cfg.default_hooks.checkpoint.save_best = f'{own}/loc_top1'
    cfg.train_cfg.max_epochs = 1
    cfg.dump(tmp_path / 'tiny.py')
    model = MODELS.build(cfg.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    classes = DATASETS.build(cfg.test_dataloader.dataset).metainfo['classes']
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=classes))), tmp_path / 'x.pth')
    return method, tmp_path / 'tiny.py', tmp_path / 'x.pth'


@pytest.mark.parametrize('files', BACKBONES, indirect=True)
def test_testing_and_export(files, sample_set, tmp_path, run_here):
    method, config, checkpoint = files
    own, kind = KINDS.get(method, ('sat', 'foreground'))
    found = {}
    for name, flags in (('plain', []), ('views', ['--tta', '--zoom'])):
        folder = tmp_path / name
        run_here(
            'python', 'tools/test.py', config, checkpoint, '--work-dir', folder, '--report-dir', folder,
            '--save-maps', folder / 'maps.npz', '--show-dir', folder / 'pictures', '--interval', '8', *flags,
        )  # fmt: skip
        report = json.loads((folder / 'report.json').read_text())
        assert {result['map_kind'] for result in report['results']} == {kind}
        assert [result['protocol']['name'] for result in report['results']] == [own, 'wsol-v2']
        found[name] = report['origin']['views']
        assert len(list((folder / 'pictures').iterdir())) == 2
    assert found == dict(plain=None, views=dict(sizes=[[80, 80], [104, 104]], flip=True, ten_crop=False, zoom=True))
    rescored = run_here(
        'python', 'tools/analysis/evaluate_maps.py', tmp_path / 'views' / 'maps.npz', '--config', config
    ).stdout
    assert kind in rescored

    out, image = tmp_path / 'model.onnx', next((sample_set / 'images').rglob('*.jpg'))
    printed = run_here(
        'python', 'tools/deployment/export.py', config, checkpoint, '--out', out, '--verify', image
    ).stdout
    assert 'Largest differences from PyTorch' in printed
    _, metadata = load_exported(out, onnx=True)
    assert metadata['map_kind'] == kind


@pytest.mark.parametrize('files', ['sat'], indirect=True)
def test_inference_pseudo_labels_and_thresholds(files, sample_set, tmp_path, run_here):
    _, config, checkpoint = files
    image = next((sample_set / 'images').rglob('*.jpg'))
    for flags, views, crops, zoom in (
        ([], 1, 0, False),
        (['--tta'], 4, 0, False),
        (['--ten-crop'], 1, 10, False),
        (['--zoom'], 1, 0, True),
    ):
        folder = tmp_path / f'demo{views}{crops}{zoom}'
        run_here('python', 'tools/image_demo.py', image, config, checkpoint, '--out-dir', folder, *flags)
        (prediction,) = json.loads((folder / 'predictions.json').read_text())['predictions']
        drawn = {name: prediction[name] for name in ('map_kind', 'protocol', 'threshold', 'views', 'crops', 'zoom')}
        assert drawn == dict(map_kind='foreground', protocol='sat', threshold=0.4, views=views, crops=crops, zoom=zoom)
        # One box for all classes.
        assert len({tuple(box) for box in prediction['bboxes']}) == 1
        assert list((folder / 'vis').iterdir())

    run_here(
        'python', 'tools/dataset_converters/pseudo_label.py', config, checkpoint, '--out', tmp_path / 'boxes.json',
        '--tta', '--zoom', '--num-workers', '0',
    )  # fmt: skip
    content = json.loads((tmp_path / 'boxes.json').read_text())
    assert len(content['images']) == len(content['annotations']) == 24
    info = content['info']
    assert (info['map_kind'], info['threshold'], info['views']['flip']) == ('foreground', 0.4, True)

    run_here(
        'python', 'tools/analysis/choose_threshold.py', config, checkpoint, '--out', tmp_path / 'thresholds.json',
        '--work-dir', tmp_path / 'chosen', '--cfg-options', 'val_dataloader.dataset.dataset.split=train',
    )  # fmt: skip
    assert 'foreground' in (tmp_path / 'thresholds.json').read_text()
    printed = run_here('python', 'tools/analysis/get_flops.py', config).stdout
    assert 'MACs: ' in printed


@pytest.mark.parametrize('files', ['sat'], indirect=True)
def test_a_second_round_on_closer_looks(files, tmp_path, serve):
    """Predicted boxes go back into training, by the pipeline of the config for it."""
    _, config, checkpoint = files
    boxes = tmp_path / 'boxes.json'
    label = ('python', 'tools/dataset_converters/pseudo_label.py', config, checkpoint)
    serve(*label, '--out', boxes, '--num-workers', '0')
    cfg, recipe = Config.fromfile(config), read_config(CONFIGS / 'sat' / 'sat-zoom_deit-t_cub.py')
    pipeline = recipe.train_dataloader.dataset.pipeline
    (whole, closer) = pipeline[1].transforms
    whole[0].scale, whole[1].crop_size, closer[1].scale = (92, 92), 80, (80, 80)
    cfg.train_dataloader.dataset.update(pipeline=pipeline, boxes=dict(type='COCOBoxes', ann_file=str(boxes)))
    cfg.model.head.loss = recipe.model.head.loss
    cfg.param_scheduler = recipe.param_scheduler
    cfg.load_from = str(checkpoint)
    cfg.dump(tmp_path / 'second.py')
    printed = serve('python', 'tools/train.py', tmp_path / 'second.py', '--work-dir', tmp_path / 'second').stdout
    assert 'loss_area' in printed
    report = tmp_path / 'report'
    serve(
        'python', 'tools/test.py', tmp_path / 'second.py', tmp_path / 'second' / 'epoch_1.pth', '--zoom',
        '--work-dir', report, '--report-dir', report,
    )  # fmt: skip
    assert json.loads((report / 'report.json').read_text())['origin']['views']['zoom'] is True

    # The second round is not started without boxes.
    cfg.train_dataloader.dataset.boxes.ann_file = str(tmp_path / 'missing.json')
    cfg.dump(tmp_path / 'second.py')
    printed = serve('python', 'tools/train.py', tmp_path / 'second.py', '--work-dir', tmp_path / 'w', code=1).stdout
    assert 'missing.json' in printed.strip().splitlines()[-1]
