import argparse
import os
import re
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from mmtscam.models.checkpoints import damage, read_content, read_state
from mmtscam.models.checkpoints.files import state_of


class _Harmful:
    def __reduce__(self):
        return (print, ('this must not run',))


def test_safetensors_under_any_name(tmp_path):
    save_file({'module._orig_mod.a': torch.ones(2)}, tmp_path / 'a.safetensors')
    (tmp_path / 'a.safetensors').rename(tmp_path / 'a.pth')
    assert torch.equal(read_state(str(tmp_path / 'a.pth'))['a'], torch.ones(2))


def test_what_wrappers_put_into_names():
    """DataParallel, torch.compile of a whole and of a part, FSDP, activation checkpointing."""
    names = ['module.module.a', '_orig_mod.module.a', 'b._orig_mod.a', 'b._fsdp_wrapped_module.a', 'modules.a']
    names += ['b.0._checkpoint_wrapped_module.a', 'module_list.a', 'b.module.a']
    found = [list(state_of({'state_dict': {name: torch.ones(1)}}, 'a.pth')) for name in names]
    assert found == [['a'], ['a'], ['b.a'], ['b.a'], ['modules.a'], ['b.0.a'], ['module_list.a'], ['b.module.a']]


def test_the_authors_arguments_are_no_hindrance(tmp_path):
    torch.save({'teacher': {'a': torch.ones(2)}, 'args': argparse.Namespace(lr=0.1)}, tmp_path / 'dino.pth')
    assert read_state(str(tmp_path / 'dino.pth')).keys() == {'a'}


def _script(path):
    torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(path)


@pytest.mark.parametrize(
    ('write', 'reason'),
    [
        (lambda path: path.write_text('version https://git-lfs.github.com/spec/v1\n'), 'it is a pointer of Git LFS'),
        (lambda path: path.write_text('\n<!DOCTYPE html><html>'), 'it is a web page: download the file itself'),
        (lambda path: path.write_bytes(b''), 'it is empty, torn or of another format than PyTorch and safetensors'),
        (lambda path: path.write_text('none'), 'it is empty, torn or of another format'),
        (lambda path: torch.save(_Harmful(), path), r'it holds a Python object, [\w.]*print, and only tensors'),
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), r'it holds a Python object, torch\.nn\.\S+Linear, and'),
        (_script, 'it is a TorchScript program: store the state dict'),
    ],
)
def test_the_reason_why_a_file_cannot_be_read(write, reason, tmp_path, capsys):
    write(tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf'a\.pth: not a file of weights that can be read safely: {reason}') as caught:
        read_content(str(tmp_path / 'a.pth'))
    assert 'weights_only' not in str(caught.value)  # no advice to run what is in the file
    assert '\n' not in str(caught.value)
    assert 'this must not run' not in capsys.readouterr().out


def test_a_torn_file_of_safetensors(tmp_path):
    save_file({'a': torch.ones(100)}, tmp_path / 'a.safetensors')
    (tmp_path / 'a.safetensors').write_bytes((tmp_path / 'a.safetensors').read_bytes()[:200])
    with pytest.raises(ValueError, match=r'a\.safetensors: .*it is empty, torn or of another format'):
        read_content(str(tmp_path / 'a.safetensors'))


def test_what_a_file_without_parameters_holds():
    with pytest.raises(ValueError, match=r'a\.pth: holds no state dict; .* "teacher", found epoch, student'):
        state_of({'epoch': 3, 'student': 4}, 'a.pth')
    with pytest.raises(ValueError, match=r'found int'):
        state_of(3, 'a.pth')


def test_files_of_the_same_name_are_kept_apart(tmp_path, monkeypatch):
    """Every model of Hugging Face is a model.safetensors."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))

    def download(url, target, hash_prefix):
        save_file({'a': torch.tensor([float('small' in url)])}, target)
        assert hash_prefix is None

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    for model in ('small', 'base', 'small'):
        url = f'https://huggingface.co/facebook/dinov2-{model}/resolve/main/model.safetensors?download=true'
        assert read_state(url)['a'] == float(model == 'small')
    assert {path.name for path in (tmp_path / 'hub' / 'checkpoints').iterdir()} == {
        f'facebook_dinov2-{model}_resolve_main_model.safetensors' for model in ('small', 'base')
    }


def test_addresses_that_mmengine_knows(monkeypatch):
    from mmengine.runner import CheckpointLoader

    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', lambda address, map_location: {'a': torch.ones(1)})
    assert read_state('torchvision://resnet18').keys() == {'a'}


def test_their_content_is_unpickled_with_protection(tmp_path, monkeypatch, capsys):
    """PyTorch's loading of a URL, to which mmengine's addresses lead, asks for anything by default."""
    from mmengine.runner import checkpoint

    torch.save({'a': torch.ones(1), 'b': _Harmful()}, tmp_path / 'a.pth')
    monkeypatch.setattr(checkpoint, 'get_torchvision_models', lambda: {'resnet18': (tmp_path / 'a.pth').as_uri()})
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
    with pytest.raises(
        ValueError, match=r'^torchvision://resnet18: not a file .* safely: it holds a Python object, print'
    ):
        read_content('torchvision://resnet18')
    assert 'this must not run' not in capsys.readouterr().out
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(f'put the file at {tmp_path}/none.pth, or set load_from')):
        read_content(f'{tmp_path}/none.pth', 'load_from')


@pytest.mark.parametrize('place', ['weights', 'pickle'])
def test_a_changed_bit_is_found(tmp_path, place):
    """PyTorch does not look at the check sums, and would load other weights."""
    state = {'a': torch.arange(1000.0)}
    torch.save({'state_dict': state}, tmp_path / 'a.pth')
    assert torch.equal(read_state(str(tmp_path / 'a.pth'))['a'], state['a'])
    content = bytearray((tmp_path / 'a.pth').read_bytes())
    content[content.index(state['a'].numpy().tobytes() if place == 'weights' else b'state_dict') + 42] ^= 1
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(
        ValueError, match=r'a\.pth: not a file of weights .* it is damaged, its check sum of \S+ is wrong'
    ):
        read_state(str(tmp_path / 'a.pth'))


def test_a_compressed_part_that_cannot_be_read_is_damage(tmp_path):
    """Each way to compress fails with an error of its own."""
    file = tmp_path / 'a.pth'
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('data', bytes(range(256)) * 40)
    content = bytearray(file.read_bytes())
    content[34:60] = b'\xff' * 26  # after the header and the name
    file.write_bytes(content)
    assert damage(file).startswith('it is damaged (Error -3 while decompressing data')
