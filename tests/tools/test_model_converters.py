"""A released checkpoint as a user converts, evaluates and gives it back."""

import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

from mmtscam.models.checkpoints.converted_files import mmtscam_to_reference, reference_to_mmtscam
from mmtscam.registry import MODELS
from mmtscam.utils.files import file_sha256
from mmtscam.version import __version__

TO_OURS = 'tools/model_converters/reference_to_mmtscam.py'
TO_REFERENCE = 'tools/model_converters/mmtscam_to_reference.py'
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SMALL = dict(embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144)


def assert_agrees(ours, reference):
    assert ours.shape == reference.shape
    assert np.abs(ours.numpy() - reference).max() <= 1e-4 * np.abs(reference).max()


def assert_evaluates_alike(model, inputs, golden):
    model.eval()
    with torch.no_grad():
        feats = model.extract_feat(inputs)
        assert_agrees(model.head(feats), golden['logits'])
        assert_agrees(feats.attention.transpose(0, 1).flatten(2), golden['class_attention'])
        coupled = feats.attention.sum(1, keepdim=True) * model.head.maps(feats)['semantic']
        assert_agrees(coupled, golden['coupled_maps'])


def assert_same_bytes(state, reference):
    assert set(state) == set(reference)
    for name, value in reference.items():
        assert state[name].dtype == value.dtype
        assert state[name].shape == value.shape
        assert state[name].numpy().tobytes() == value.numpy().tobytes()


def load(path):
    return torch.load(path, weights_only=True)


@pytest.fixture
def small(golden_small):
    """The reference's small TS-CAM: parameters under its names."""
    return {
        name.removeprefix('state:'): torch.from_numpy(value)
        for name, value in golden_small.items()
        if name.startswith('state:')
    }


@pytest.fixture
def released(small, tmp_path):
    """A file as the released training code writes it."""
    path = tmp_path / 'model_best.pth'
    state = {f'module.{name}': value for name, value in small.items()}
    torch.save({'epoch': 44, 'state_dict': state, 'best_map': np.float64(87.67)}, path)
    return path


def build_small():
    return MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMDeiT', arch=SMALL, img_size=64, patch_size=16),
            head=dict(type='TSCAMHead', num_classes=5, in_channels=36),
        )
    )


def test_small_released_tscam_there_and_back(run_here, released, small, golden_small, tmp_path):
    ours, back = tmp_path / 'new' / 'ours.pth', tmp_path / 'back.pth'
    output = run_here('python', TO_OURS, released, ours).stdout
    assert output.splitlines() == ['TS-CAM DeiT: width 36, 3 blocks, 5 classes', f'Written: {ours}']
    assert [path.name for path in ours.parent.iterdir()] == ['ours.pth']

    model = build_small()
    load_checkpoint(model, str(ours), strict=True)
    assert_evaluates_alike(model, torch.from_numpy(golden_small['inputs']), golden_small)
    assert load(ours)['meta'] == {
        'mmtscam_version': __version__,
        'source': 'model_best.pth',
        'source_sha256': file_sha256(released),
        'model': 'TS-CAM DeiT: width 36, 3 blocks, 5 classes',
    }

    output = run_here('python', TO_REFERENCE, ours, back).stdout
    assert output.splitlines() == ['TS-CAM DeiT: width 36, 3 blocks, 5 classes', f'Written: {back}']
    assert load(back)['meta']['source_sha256'] == file_sha256(ours)
    assert_same_bytes(load(back)['state_dict'], load(released)['state_dict'])
    assert all(name.startswith('module.') for name in load(back)['state_dict'])


def test_released_deit_tiny_there_and_back(run_here, assets, repo, tmp_path):
    golden = dict(np.load(assets / 'golden' / 'tscam_model.npz'))
    state = load(assets / 'weights' / 'deit_tiny_patch16_224_fp16.pth')['model']
    state |= {
        'head.weight': torch.from_numpy(golden['head_weight']),
        'head.bias': torch.from_numpy(golden['head_bias']),
    }
    released, ours, back = tmp_path / 'released.pth', tmp_path / 'ours.pth', tmp_path / 'back.pth'
    torch.save({'state_dict': {f'module.{name}': value for name, value in state.items()}}, released)
    assert 'TS-CAM DeiT: width 192, 12 blocks, 10 classes' in run_here('python', TO_OURS, released, ours).stdout

    cfg = Config.fromfile(repo / 'configs' / 'tscam_deit-t_cub_released.py')
    cfg.model.head.num_classes = 10
    model = MODELS.build(cfg.model)
    load_checkpoint(model, str(ours), strict=True)
    images = torch.from_numpy(golden['images']).permute(0, 3, 1, 2).float()
    assert_evaluates_alike(model, (images / 255 - MEAN) / STD, golden)

    run_here('python', TO_REFERENCE, ours, back)
    assert_same_bytes(load(back)['state_dict'], load(released)['state_dict'])


def test_original_deit_there_and_back(run_here, small, tmp_path):
    state = {name: value.half() for name, value in small.items() if not name.startswith('head.')}
    state |= {'head.weight': torch.randn(7, 36), 'head.bias': torch.randn(7)}
    original, ours, back = tmp_path / 'deit.pth', tmp_path / 'ours.pth', tmp_path / 'back.pth'
    torch.save({'model': state}, original)
    assert 'DeiT: width 36, 3 blocks, 7 classes\n' in run_here('python', TO_OURS, original, ours).stdout

    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMDeiT', arch=SMALL, img_size=64, patch_size=16),
            head=dict(type='ClassTokenHead', num_classes=7, in_channels=36),
        )
    )
    load_checkpoint(model, str(ours), strict=True)
    assert torch.equal(model.head.fc.weight, state['head.weight'])
    run_here('python', TO_REFERENCE, ours, back)
    assert_same_bytes(load(back)['model'], state)


def test_converted_checkpoint_is_evaluated(run_here, tool_config, tmp_path):
    """The whole way of a user: the released file, the converter, tools/test.py."""
    source = MODELS.build(tool_config.model)
    source.init_weights()
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'mine.pth')
    run_here('python', TO_REFERENCE, tmp_path / 'mine.pth', tmp_path / 'released.pth')
    run_here('python', TO_OURS, tmp_path / 'released.pth', tmp_path / 'ours.pth')
    metrics = []
    for checkpoint in ('mine', 'ours'):
        # mmengine names a run after its config and the second.
        tool_config.dump(tmp_path / f'{checkpoint}.py')
        run_here(
            'python', 'tools/test.py', tmp_path / f'{checkpoint}.py', tmp_path / f'{checkpoint}.pth',
            '--work-dir', tmp_path / 'test', '--out', tmp_path / f'{checkpoint}.json', '--out-item', 'metrics',
        )  # fmt: skip
        metrics.append(json.loads((tmp_path / f'{checkpoint}.json').read_text()))
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize('best', [np.float64(87.67), np.float32(87.67), np.int64(87), 87.67])
def test_what_the_released_code_stores_beside_the_parameters(small, best, tmp_path):
    torch.save({'epoch': np.int64(3), 'state_dict': small, 'best_map': best}, tmp_path / 'released.pth')
    reference_to_mmtscam(tmp_path / 'released.pth', tmp_path / 'ours.pth')
    assert set(load(tmp_path / 'ours.pth')) == {'state_dict', 'meta'}


@pytest.mark.parametrize(
    ('head', 'kind', 'wrapper', 'classifiers'),
    [
        (
            dict(type='TSCAMHead', in_channels=24, pooled_channels=64),
            'TS-CAM Conformer',
            'state_dict',
            {'module.trans_cls_head.weight': (5, 24, 3, 3), 'module.conv_cls_head.weight': (5, 64)},
        ),
        (
            dict(
                type='mmpretrain.ConformerHead',
                in_channels=[64, 24],
                loss=dict(type='mmpretrain.CrossEntropyLoss'),
            ),
            'Conformer',
            'model',
            {'trans_cls_head.weight': (5, 24), 'conv_cls_head.weight': (5, 64)},
        ),
    ],
)
def test_conformer_there_and_back(head, kind, wrapper, classifiers, tmp_path):
    arch = dict(embed_dims=24, depths=6, num_heads=2, channel_ratio=1)
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            backbone=dict(type='TSCAMConformer', arch=arch, base_channels=16),
            head=dict(num_classes=5, **head),
        )
    )
    mine, released, ours = tmp_path / 'mine.pth', tmp_path / 'released.pth', tmp_path / 'ours.pth'
    torch.save({'state_dict': model.state_dict()}, mine)
    assert str(mmtscam_to_reference(mine, released)) == f'{kind}: width 24, 6 blocks, 5 classes'
    state = load(released)[wrapper]
    assert {name: tuple(state[name].shape) for name in classifiers} == classifiers
    assert str(reference_to_mmtscam(released, ours)) == f'{kind}: width 24, 6 blocks, 5 classes'
    assert_same_bytes(load(ours)['state_dict'], load(mine)['state_dict'])


class _Harmful:
    def __reduce__(self):
        return (print, ('this must not run',))


@pytest.fixture
def folder(released, small, tmp_path):
    """Files that cannot be converted, beside those that can."""
    reference_to_mmtscam(released, tmp_path / 'ours.pth')
    two_heads = load(tmp_path / 'ours.pth')['state_dict'] | {'head.fc.bias': torch.zeros(5)}
    (tmp_path / 'torn.pth').write_bytes(released.read_bytes()[:1000])
    for name, content in {
        'harmful': {'state_dict': small, 'args': _Harmful()},
        'distilled': {'model': small | {'head_dist.weight': torch.zeros(5, 36)}},
        'mae': {'model': small | {'decoder_pred.weight': torch.zeros(1, 36)}},
        'resnet': {'state_dict': {'conv1.weight': torch.zeros(1)}},
        'two_heads': {'state_dict': two_heads},
        'empty': {'epoch': 3},
    }.items():
        torch.save(content, tmp_path / f'{name}.pth')
    return tmp_path


there, back = reference_to_mmtscam, mmtscam_to_reference


@pytest.mark.parametrize(
    ('convert', 'source', 'target', 'message'),
    [
        (there, 'none', 'new', 'none.pth: checkpoint not found'),
        (there, 'model_best', 'model_best', 'model_best.pth: is the source itself'),
        (back, 'ours', './ours', 'ours.pth: is the source itself'),
        (there, 'model_best', 'ours', 'ours.pth: exists already; name another file, or replace it with force=True'),
        (there, 'ours', 'new', "ours.pth: has mmtscam's names already; mmtscam_to_reference.py"),
        (back, 'model_best', 'new', 'already; reference_to_mmtscam.py converts the other way'),
        (there, 'torn', 'new', 'torn.pth: not a file of weights that can be read safely'),
        (there, 'harmful', 'new', 'harmful.pth: not a file of weights that can be read safely'),
        (there, 'distilled', 'new', 'distilled.pth: head_dist.weight has no counterpart'),
        (there, 'mae', 'new', 'mae.pth: decoder_pred.weight has no counterpart'),
        (there, 'resnet', 'new', 'resnet.pth: neither DeiT nor Conformer'),
        (back, 'resnet', 'new', 'resnet.pth: no model of a backbone and a head; first name: conv1.weight'),
        (back, 'two_heads', 'new', 'two_heads.pth: a head of conv and fc on DeiT has no counterpart'),
        (there, 'empty', 'new', 'empty.pth: holds no state dict'),
    ],
)
def test_errors_name_file_and_remedy(convert, source, target, message, folder, capsys):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        convert(f'{folder}/{source}.pth', f'{folder}/{target}.pth')
    assert 'this must not run' not in capsys.readouterr().out
    # Nothing was written, nothing changed.
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize('force', [False, True])
def test_a_folder_is_no_target(released, tmp_path, force):
    with pytest.raises(ValueError, match='is a folder; name a file to write'):
        reference_to_mmtscam(released, tmp_path, force)


def test_what_fails_in_between_leaves_the_old_file(released, tmp_path, monkeypatch):
    (tmp_path / 'ours.pth').write_text('before')

    def fill_the_disk(content, path):
        path.write_bytes(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(torch, 'save', fill_the_disk)
    with pytest.raises(OSError, match='No space left'):
        reference_to_mmtscam(released, tmp_path / 'ours.pth', force=True)
    assert (tmp_path / 'ours.pth').read_text() == 'before'
    assert {path.name for path in tmp_path.iterdir()} == {'ours.pth', 'model_best.pth'}


@pytest.mark.slow
def test_tools_end_with_one_line(serve, released, tmp_path):
    (tmp_path / 'ours.pth').write_text('something else')
    output = serve('python', TO_OURS, released, tmp_path / 'ours.pth', code=1).stdout
    assert (
        output == f'{tmp_path}/ours.pth: exists already; name another file, or replace it with force=True (--force)\n'
    )
    serve('python', TO_OURS, released, tmp_path / 'ours.pth', '--force')
    assert len(load(tmp_path / 'ours.pth')['state_dict']) == len(load(released)['state_dict'])
    # But never the source.
    output = serve('python', TO_REFERENCE, tmp_path / 'ours.pth', tmp_path / 'ours.pth', '--force', code=1).stdout
    assert output == f'{tmp_path}/ours.pth: is the source itself; name another file to write\n'
