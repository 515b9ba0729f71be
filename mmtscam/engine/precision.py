"""Mixed precision on whatever computes."""

import logging
from pathlib import Path

import torch
from mmengine.logging import print_log


def amp_dtype() -> torch.dtype:
    """The type that ``--amp`` computes in: bfloat16, or float16 on GPUs that lack it.

    bfloat16 has the range of float32, so that nothing overflows and losses
    need no scaling. On a CPU without matrix units for it there is a warning.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if _lacks_amx(Path('/proc/cpuinfo')):
        print_log(
            'This CPU has no matrix units for bfloat16 (AMX): --amp saves memory here, but may well be slower.',
            logger='current',
            level=logging.WARNING,
        )
    return torch.bfloat16


def _lacks_amx(cpuinfo: Path) -> bool:
    """Whether this is an x86 CPU that says of itself that it has no AMX."""
    if not cpuinfo.is_file():
        return False
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith('flags')), None)
    return flags is not None and 'amx_bf16' not in flags.split()
