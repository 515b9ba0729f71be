import compiled_ops  # noqa: F401 - skips this module without them

from mmtscam.collect_env import collect_env


def test_compiled_operators_are_found():
    assert collect_env()['mmcv.ops'] == 'yes'
