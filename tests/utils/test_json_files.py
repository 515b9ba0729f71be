import json

import pytest

from mmtscam.utils.json_files import parse_json, read_json


def test_json_as_the_standard_library_reads_it(tmp_path):
    (tmp_path / 'a.json').write_bytes(b'\xef\xbb\xbf' + json.dumps({'a': [1, 2.5, None, 'ä']}).encode())
    assert read_json(tmp_path / 'a.json') == {'a': [1, 2.5, None, 'ä']}
    assert parse_json('[1]', 'here') == [1]


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        (b'', 'Expecting value'),
        (b'{"a": 1', 'delimiter'),
        (b'"\xff"', "can't decode"),
        (b'1' * 5000, 'limit'),
        (b'[' * 100_000 + b']' * 100_000, 'nested too deeply'),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, said):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(ValueError, match=f'^{tmp_path}/a.json: not a readable json file: .*{said}'):
        read_json(tmp_path / 'a.json')
