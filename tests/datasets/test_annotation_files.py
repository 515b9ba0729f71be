import pytest

from mmtscam.datasets.annotation_files import find_file, find_folder, image_key, read_comma_rows


def test_find(tmp_path):
    (tmp_path / 'rows.txt').touch()
    assert find_file(str(tmp_path), 'rows.txt') == str(tmp_path / 'rows.txt')
    assert find_file('/elsewhere', str(tmp_path / 'rows.txt')) == str(tmp_path / 'rows.txt')
    assert find_folder(str(tmp_path.parent), tmp_path.name) == str(tmp_path)


def test_folder_beside_a_root_that_is_a_symbolic_link(tmp_path):
    for name in ('elsewhere/images', 'data/metadata'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'data' / 'images').symlink_to(tmp_path / 'elsewhere' / 'images')
    found = find_folder(str(tmp_path / 'data' / 'images'), '../metadata')
    assert found == str(tmp_path / 'data' / 'metadata')


@pytest.mark.parametrize(
    ('find', 'name', 'problem'),
    [
        (find_file, 'none.txt', 'annotation file not found'),
        (find_file, 'folder', 'annotation file not found'),
        (find_folder, 'none', 'annotation folder not found'),
        (find_folder, 'rows.txt', 'annotation folder not found'),
    ],
)
def test_not_found(tmp_path, find, name, problem):
    (tmp_path / 'rows.txt').touch()
    (tmp_path / 'folder').mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        find(str(tmp_path), name)
    assert str(caught.value).startswith(f'{tmp_path / name}: {problem}; check data_root')


def test_image_key(tmp_path, monkeypatch):
    assert image_key('root/images/b/../a/x.jpg', 'root/images') == 'a/x.jpg'
    monkeypatch.chdir(tmp_path)
    assert image_key(str(tmp_path / 'a.jpg'), '') == 'a.jpg'


def test_rows(tmp_path):
    path = tmp_path / 'rows.txt'
    path.write_bytes(b'a b/c.jpg,1,\r\n\n  \nd.jpg , 2 , e\n')
    assert read_comma_rows(str(path), 'id,number,word') == [
        (f'{path}:1', ['a b/c.jpg', '1', '']),
        (f'{path}:4', ['d.jpg', '2', 'e']),
    ]


@pytest.mark.parametrize('row', ['a', 'a,1,2', ',1', ' ,1'])
def test_malformed_row(tmp_path, row):
    path = tmp_path / 'rows.txt'
    path.write_text(f'x,1\n\n{row}\n')
    with pytest.raises(ValueError) as caught:
        read_comma_rows(str(path), 'id,number')
    assert str(caught.value) == f'{path}:3: a row must be id,number, got {row.strip()!r}'


def test_no_text(tmp_path):
    path = tmp_path / 'rows.txt'
    path.write_bytes(b'a,\xff\xfe\n')
    with pytest.raises(ValueError, match=f'^{path}: not a text file in UTF-8: '):
        read_comma_rows(str(path), 'id,number')
