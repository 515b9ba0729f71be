"""Facts of the machine and the packages on which a benchmark ran."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain', 'mmdet', 'numpy', 'opencv-python')
# Instructions that make bfloat16 fast on x86.
_BF16_FLAGS = ('avx512_bf16', 'amx_bf16')


def machine_facts(device: str) -> dict[str, Any]:
    """Name of the processor, cores, memory, load of the last minute and, for a CUDA device, the GPU."""
    processor = _processor()
    facts: dict[str, Any] = dict(
        system=f'{platform.system()} {platform.machine()}',
        cpu=processor.get('model name', platform.processor()),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
        threads=torch.get_num_threads(),
        vector_instructions=torch.backends.cpu.get_cpu_capability(),
        load_average=os.getloadavg()[0] if hasattr(os, 'getloadavg') else None,
        bf16_instructions=[flag for flag in _BF16_FLAGS if flag in processor.get('flags', '').split()],
    )
    if hasattr(os, 'sysconf'):
        facts['memory'] = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    if device != 'cpu':
        properties = torch.cuda.get_device_properties(device)
        facts['gpu'] = properties.name
        facts['gpu_memory'] = properties.total_memory
        facts['cuda'] = torch.version.cuda
    return facts


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    versions = dict(python=platform.python_version())
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _processor() -> dict[str, str]:
    """Fields of the first core in Linux's ``/proc/cpuinfo``."""
    path = Path('/proc/cpuinfo')
    if not path.is_file():
        return {}
    first = path.read_text().partition('\n\n')[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(':') for line in first.splitlines())}
