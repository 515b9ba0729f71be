import hashlib
import os

import pytest

from mmtscam.utils.files import check_writable, file_sha256, unfinished, unfinished_folder, write_text


def test_the_file_is_there_at_the_end(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'a.txt'
    with unfinished(path) as temporary:
        temporary.write_text('whole')
        assert temporary.parent == path.parent  # a rename stays within one file system
        assert not path.exists()
    assert path.read_text() == 'whole'
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('old', [None, 'old'])
@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize('written', [True, False])
def test_a_failure_changes_nothing(tmp_path, old, error, written):
    path = tmp_path / 'a.txt'
    if old:
        path.write_text(old)

    def fail():
        with unfinished(path) as temporary:
            if written:
                temporary.write_text('half')
            raise error

    with pytest.raises(error):
        fail()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == ({'a.txt': old} if old else {})


def test_a_caller_that_writes_nothing(tmp_path):
    (tmp_path / 'a.txt').write_text('old')
    with pytest.raises(FileNotFoundError), unfinished(tmp_path / 'a.txt'):
        pass
    assert (tmp_path / 'a.txt').read_text() == 'old'


def test_text_is_utf8_and_replaced(tmp_path):
    for text in ('Käfer, 甲虫\n', 'other'):
        write_text(tmp_path / 'sub' / 'a.txt', text)
        assert (tmp_path / 'sub' / 'a.txt').read_bytes() == text.encode()


@pytest.mark.parametrize('size', [0, 5, (1 << 20) + 1])
def test_sha256_of_files_of_any_size(tmp_path, size):
    content = bytes(index % 251 for index in range(size))
    (tmp_path / 'a').write_bytes(content)
    assert file_sha256(tmp_path / 'a') == hashlib.sha256(content).hexdigest()


def test_an_error_that_names_no_file_gets_the_name(tmp_path):
    with pytest.raises(OSError, match=rf"\[Errno 28\] No space left on device: '{tmp_path}/a.txt'"):
        _write_to_a_full_device(tmp_path / 'a.txt')
    with pytest.raises(OSError, match=r'^a message of its own$'), unfinished(tmp_path / 'a.txt'):
        raise OSError('a message of its own')


def _write_to_a_full_device(path):
    with unfinished(path), open('/dev/full', 'w') as file:  # noqa: PTH123
        file.write('a')


@pytest.mark.parametrize('killed', [False, True])
def test_a_folder_is_there_at_the_end_and_replaces_another(tmp_path, killed):
    folder = tmp_path / 'sub' / 'page'
    for name in ('first', 'second'):
        with unfinished_folder(folder) as temporary:
            (temporary / name).touch()
            place = temporary
        assert [path.name for path in folder.iterdir()] == [name]
        if killed:  # what is left of a process with the same number
            for left in (place, place.with_suffix('.old')):
                (left / 'half').mkdir(parents=True)
    if not killed:
        assert [path.name for path in folder.parent.iterdir()] == ['page']


def test_a_folder_that_fails_changes_nothing(tmp_path):
    folder = tmp_path / 'page'
    folder.mkdir()
    (folder / 'old').touch()
    with pytest.raises(KeyboardInterrupt), unfinished_folder(folder):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob('*')] == ['page', 'old']


def test_names_that_are_no_text(tmp_path):
    """A file's name may be any bytes, and JSON any half of a pair."""
    write_text(tmp_path / 'a.csv', os.fsdecode(b'\xff.jpg') + ' \ud800 ä')
    assert (tmp_path / 'a.csv').read_text(encoding='utf-8') == '\\udcff.jpg \\ud800 ä'


def test_places_that_can_be_written_stay_as_they_are(tmp_path):
    (tmp_path / 'a.txt').touch()
    (tmp_path / 'folder').mkdir()
    for name in ('a.txt', 'b.txt', 'new/b.txt', 'folder/b.txt'):
        check_writable(tmp_path / name)
    for name in ('folder', 'new/below'):
        check_writable(tmp_path / name, is_folder=True)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*')) == ['a.txt', 'folder']


def test_relative_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_writable('a.txt')
    check_writable('a', is_folder=True)
    check_writable('.', is_folder=True)


@pytest.mark.parametrize(
    'name, is_folder, error, said',
    [
        ('{tmp}/folder', False, ValueError, '{tmp}/folder: is a folder; name a file to write'),
        ('{tmp}/a.txt', True, ValueError, '{tmp}/a.txt: is a file; name a folder for the results'),
        ('{tmp}/a.txt/b/c.txt', False, ValueError, '{tmp}/a.txt: is a file; name a folder for the results'),
        ('{tmp}/broken', True, ValueError, '{tmp}/broken: is a file; name a folder for the results'),
        # No user can write there, not even root.
        ('/proc/a.txt', False, OSError, '/proc/a.txt: cannot be written (No such file or directory): name another pl'),
        ('/proc/a/b', True, OSError, '/proc/a/b: cannot be written (No such file or directory): name another place'),
    ],
)
def test_places_that_cannot_be_written(tmp_path, name, is_folder, error, said):
    (tmp_path / 'a.txt').touch()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'broken').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(error) as caught:
        check_writable(name.format(tmp=tmp_path), is_folder)
    assert str(caught.value).startswith(said.format(tmp=tmp_path))
