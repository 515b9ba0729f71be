import json
import os
import platform
import sys
from importlib.metadata import version

import torch

from mmtscam.speed import machine_facts, package_versions


def test_facts():
    facts = machine_facts('cpu')
    assert facts['system'].startswith(platform.system())
    assert facts['threads'] == torch.get_num_threads()
    assert 1 <= facts['cores'] <= os.cpu_count()
    assert not {'gpu', 'gpu_memory', 'cuda'} & set(facts)
    if sys.platform == 'linux':
        assert facts['cpu']
        assert facts['cores'] == len(os.sched_getaffinity(0))
        with open('/proc/meminfo') as file:  # noqa: PTH123
            assert facts['memory'] == int(file.readline().split()[1]) * 1024
    assert json.loads(json.dumps(facts)) == facts


def test_versions_of_what_is_installed():
    versions = package_versions()
    assert versions['python'] == platform.python_version()
    assert versions['mmengine'] == version('mmengine')
    assert torch.__version__.startswith(versions['torch'])
    assert ('mmcv' in versions) != ('mmcv-lite' in versions)
