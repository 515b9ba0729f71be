from mmtscam.engine.log_folder import new_folder


def test_each_run_has_a_folder_of_its_own(tmp_path):
    names = [new_folder(tmp_path, '20241231_235959') for _ in range(3)]
    assert names == ['20241231_235959', '20250101_000000', '20250101_000001']
    assert sorted(path.name for path in tmp_path.iterdir()) == names
