import pytest
import torch

from mmtscam.models.utils import load_pretrained
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
    with pytest.raises(ValueError, match=r'deit\.pth: holds another architecture than TSCAMDeiT'):
        load_pretrained(build(arch={**TINY, 'num_layers': 4}), str(tmp_path / 'deit.pth'))
    with pytest.raises(ValueError, match=r'deit\.pth: holds another architecture than TSCAMDeiT'):
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
    assert 'model.backbone.init_cfg.checkpoint=PATH' in str(caught.value)


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
