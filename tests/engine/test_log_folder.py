import errno

import pytest

from mmtscam.engine.log_folder import new_folder, whole_record


def test_each_run_has_a_folder_of_its_own(tmp_path):
    names = [new_folder(tmp_path, '20241231_235959') for _ in range(3)]
    assert names == ['20241231_235959', '20250101_000000', '20250101_000001']
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize('content, is_kept', [('', False), ('{"tscam/gt', False), ('{"tscam/gt_known": 1.0}', True)])
def test_metrics_that_a_full_disk_has_cut_are_removed(tmp_path, content, is_kept):
    file = tmp_path / 'stamp.json'
    with pytest.raises(OSError) as caught, whole_record(tmp_path, 'stamp'):
        file.write_text(content)
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert file.exists() == is_kept
    assert caught.value.filename == (None if is_kept else str(file))


def test_without_metrics_nothing_is_removed(tmp_path):
    with pytest.raises(OSError, match=r'^other$'), whole_record(tmp_path, 'stamp'):
        raise OSError('other')
    with whole_record(tmp_path, 'stamp'):
        pass
