import pytest
from mmengine.fileio import dump, get_file_backend


def test_put_replaces_whole(tmp_path):
    backend = get_file_backend(backend_args=dict(backend='atomic_local'))
    target = tmp_path / 'folder' / 'epoch_1.pth'
    backend.put(b'first', target)
    backend.put(b'second', target)
    assert target.read_bytes() == b'second'
    assert [path.name for path in target.parent.iterdir()] == ['epoch_1.pth']


def test_interrupted_put_leaves_the_old_file(tmp_path):
    backend = get_file_backend(backend_args=dict(backend='atomic_local'))
    target = tmp_path / 'epoch_1.pth'
    backend.put(b'first', target)
    with pytest.raises(TypeError):
        backend.put('not bytes', target)
    assert target.read_bytes() == b'first'
    assert [path.name for path in tmp_path.iterdir()] == ['epoch_1.pth']


def test_text_is_whole_too(tmp_path):
    target = tmp_path / 'metrics.json'
    dump({'a': 1}, target, backend_args=dict(backend='atomic_local'))
    with pytest.raises(TypeError):
        get_file_backend(backend_args=dict(backend='atomic_local')).put_text(b'bytes', target)
    assert target.read_text() == '{"a": 1}'
    assert [path.name for path in tmp_path.iterdir()] == ['metrics.json']
