import pytest
import torch

from mmtscam.models.checkpoints import load_classifier, load_pretrained, read_state
from mmtscam.registry import MODELS

TINY = dict(embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144)


def build(**kwargs):
    return MODELS.build(dict(type='TSCAMDeiT', **{'arch': TINY, 'img_size': 64, 'patch_size': 16, **kwargs}))


@pytest.fixture
def original(golden_small):
    """State dict of the reference model, with original names."""
    return {
        name.removeprefix('state:'): torch.from_numpy(value)
        for name, value in golden_small.items()
        if name.startswith('state:')
    }


def equal(backbone, reference):
    return all(torch.equal(value, reference.state_dict()[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_original_deit_file(original, dtype, tmp_path):
    path = tmp_path / 'deit.pth'
    torch.save({'model': {name: value.to(dtype) for name, value in original.items()}}, path)
    backbone = build(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    backbone.init_weights()
    assert backbone.pos_embed.dtype == torch.float32
    torch.testing.assert_close(backbone.cls_token, original['cls_token'].to(dtype).float(), rtol=0, atol=0)
    torch.testing.assert_close(
        backbone.layers[2].ffn.layers[0][0].weight,
        original['blocks.2.mlp.fc1.weight'].to(dtype).float(),
        rtol=0,
        atol=0,
    )
    torch.testing.assert_close(backbone.ln1.bias, original['norm.bias'].to(dtype).float(), rtol=0, atol=0)


@pytest.mark.parametrize('wrap', [lambda state: state, lambda state: {'state_dict': state}])
@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.backbone.'])
def test_own_and_mmpretrain_files(wrap, prefix, tmp_path):
    source = build()
    state = {prefix + name: value for name, value in source.state_dict().items()}
    if prefix:
        state[prefix.replace('backbone', 'head') + 'fc.weight'] = torch.zeros(3)
    torch.save(wrap(state), tmp_path / 'weights.pth')
    target = build()
    load_pretrained(target, str(tmp_path / 'weights.pth'))
    assert equal(target, source)


def test_position_embedding_of_another_size(original, tmp_path):
    torch.save({'model': original}, tmp_path / 'deit.pth')
    backbone = build(img_size=128)
    load_pretrained(backbone, str(tmp_path / 'deit.pth'))
    assert backbone.pos_embed.shape == (1, 1 + 8 * 8, 36)
    torch.testing.assert_close(backbone.pos_embed[:, :1], original['pos_embed'][:, :1])


def test_another_architecture(original, tmp_path):
    torch.save({'model': original}, tmp_path / 'deit.pth')
    with pytest.raises(ValueError, match=r'deit\.pth: does not fit this TSCAMDeiT'):
        load_pretrained(build(arch={**TINY, 'num_layers': 4}), str(tmp_path / 'deit.pth'))
    with pytest.raises(ValueError, match=r'deit\.pth: does not fit this TSCAMDeiT'):
        load_pretrained(build(arch='deit-tiny'), str(tmp_path / 'deit.pth'))


def test_missing_file_says_where_to_put_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=f'put the file at {tmp_path / "none.pth"}'):
        load_pretrained(build(), str(tmp_path / 'none.pth'))


def test_download_that_fails_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    # Port 9 discards: nothing answers there.
    with pytest.raises(FileNotFoundError) as caught:
        load_pretrained(build(), 'http://127.0.0.1:9/deit_tiny-a1311bcf.pth')
    assert f'put it at {tmp_path / "hub" / "checkpoints" / "deit_tiny-a1311bcf.pth"}' in str(caught.value)
    assert 'or set model.backbone.init_cfg.checkpoint' in str(caught.value)


def test_downloaded_file_is_found(original, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    torch.save({'model': original}, tmp_path / 'hub' / 'checkpoints' / 'deit_tiny-a1311bcf.pth')
    backbone = build()
    load_pretrained(backbone, 'http://127.0.0.1:9/deit_tiny-a1311bcf.pth')
    torch.testing.assert_close(backbone.cls_token, original['cls_token'])


def test_file_without_state_dict(tmp_path):
    torch.save({'epoch': 3}, tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=r'odd\.pth: holds no state dict'):
        load_pretrained(build(), str(tmp_path / 'odd.pth'))


class _Harmful:
    def __reduce__(self):
        return (print, ('this must not run',))


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save({'model': _Harmful()}, tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match=r'bad\.pth: not a file of weights that can be read safely'):
        load_pretrained(build(), str(tmp_path / 'bad.pth'))
    assert 'this must not run' not in capsys.readouterr().out


@pytest.mark.parametrize('content', [b'', b'not weights', b'PK\x03\x04 truncated'])
def test_unreadable_file_is_named(content, tmp_path):
    (tmp_path / 'broken.pth').write_bytes(content)
    with pytest.raises(ValueError, match=r'broken\.pth: not a file of weights'):
        load_pretrained(build(), str(tmp_path / 'broken.pth'))


def test_read_state_changes_nothing(tmp_path):
    state = {'a.weight': torch.ones(2, dtype=torch.float16), 'a.steps': torch.tensor(3)}
    torch.save({'state_dict': {f'module.{name}': value for name, value in state.items()}}, tmp_path / 'a.pth')
    read = read_state(str(tmp_path / 'a.pth'))
    assert set(read) == set(state)
    assert all(torch.equal(read[name], state[name]) and read[name].dtype == state[name].dtype for name in state)


def build_head(**kwargs):
    head = MODELS.build(dict(type='TSCAMHead', num_classes=5, in_channels=36, **kwargs))
    head.init_weights()
    return head


@pytest.fixture
def classifier(original, tmp_path):
    """Store a file with a classifier of the given shapes; its path and its tensors."""

    def store(**shapes):
        tensors = {name.replace('__', '.'): torch.randn(shape) for name, shape in shapes.items()}
        backbone = {name: value for name, value in original.items() if not name.startswith('head.')}
        if any('cls_head' in name for name in tensors):
            backbone = {'trans_1.norm1.weight': torch.ones(36), 'trans_norm.weight': torch.ones(36)}
        torch.save({'model': backbone | tensors}, tmp_path / 'classifier.pth')
        return str(tmp_path / 'classifier.pth'), tensors

    return store


def test_classifier_of_deit_gives_the_bias_alone(classifier):
    path, tensors = classifier(head__weight=(1000, 36), head__bias=(1000,))
    torch.manual_seed(1)
    untouched = MODELS.build(dict(type='TSCAMHead', num_classes=1000, in_channels=36))
    untouched.init_weights()
    torch.manual_seed(1)
    head = MODELS.build(dict(type='TSCAMHead', num_classes=1000, in_channels=36, init_classifier=path))
    head.init_weights()
    assert torch.equal(head.conv.bias, tensors['head.bias'])
    assert torch.equal(head.conv.weight, untouched.conv.weight)
    assert load_classifier(head, path) == ['conv.bias']


def test_classifier_of_deit_under_mmpretrains_names(tmp_path):
    bias = torch.randn(5)
    state = {'head.layers.head.weight': torch.randn(5, 36), 'head.layers.head.bias': bias}
    torch.save({'state_dict': state}, tmp_path / 'mmpretrain.pth')
    head = build_head(init_classifier=str(tmp_path / 'mmpretrain.pth'))
    assert torch.equal(head.conv.bias, bias)


def test_classifier_of_tscam_is_taken_whole(classifier):
    path, tensors = classifier(head__weight=(5, 36, 3, 3), head__bias=(5,))
    head = build_head(init_classifier=path)
    assert torch.equal(head.conv.weight, tensors['head.weight'])
    assert torch.equal(head.conv.bias, tensors['head.bias'])
    assert load_classifier(head, path) == ['conv.weight', 'conv.bias']


@pytest.mark.parametrize(('kernel', 'taken'), [((), ['conv.bias']), ((3, 3), ['conv.weight', 'conv.bias'])])
def test_classifiers_of_conformer(classifier, kernel, taken):
    path, tensors = classifier(
        trans_cls_head__weight=(5, 36, *kernel),
        trans_cls_head__bias=(5,),
        conv_cls_head__weight=(5, 64),
        conv_cls_head__bias=(5,),
    )
    head = build_head(pooled_channels=64, init_classifier=path)
    assert torch.equal(head.fc.weight, tensors['conv_cls_head.weight'])
    assert torch.equal(head.fc.bias, tensors['conv_cls_head.bias'])
    assert torch.equal(head.conv.bias, tensors['trans_cls_head.bias'])
    assert torch.equal(head.conv.weight, tensors['trans_cls_head.weight']) == bool(kernel)
    assert load_classifier(head, path) == [*taken, 'fc.weight', 'fc.bias']


@pytest.mark.parametrize('shapes', [dict(head__weight=(6, 36), head__bias=(6,)), dict(), dict(head__weight=(5, 36))])
def test_a_classifier_of_which_nothing_fits(classifier, shapes):
    path, _ = classifier(**shapes)
    with pytest.raises(ValueError, match=r'classifier\.pth: its classifier has no parameter of the shape'):
        build_head(init_classifier=path)


def test_missing_classifier_names_its_own_setting():
    with pytest.raises(FileNotFoundError, match=r'or set model\.head\.init_classifier to the path'):
        load_classifier(torch.nn.Linear(2, 2), 'none.pth')
