"""Describes an installation for a bug report: ``python -m mmtscam.collect_env``."""

from mmengine.utils.dl_utils import collect_env as collect_base_env

from .requirements import SUPPORTED, installed_versions
from .version import __version__


def collect_env() -> dict[str, str]:
    """Collect the versions of everything that mmtscam computes with.

    Returns:
        The fields of ``mmengine.utils.dl_utils.collect_env`` (system, Python, GPUs, compilers, PyTorch with its
        build and the capability of the CPU that it uses, TorchVision, OpenCV, MMEngine) and three of ours:
        ``'OpenMMLab'``, the distributions that are installed, the ``onedl-*`` forks among them; ``'mmcv.ops'``,
        whether mmcv has compiled operators; ``'mmtscam'``, our version.
    """
    found = {name: version for names in SUPPORTED.values() for name, version in installed_versions(names).items()}
    return {
        **{name: str(value) for name, value in collect_base_env().items()},
        'OpenMMLab': ', '.join(f'{name} {version}' for name, version in found.items()),
        'mmcv.ops': _compiled_operators(),
        'mmtscam': __version__,
    }


def _compiled_operators() -> str:
    try:
        # This fails where mmcv has none, and where they were built for another PyTorch.
        import mmcv.ops  # noqa: F401
    except ImportError as error:
        return f'no ({error})'
    return 'yes'


if __name__ == '__main__':
    for name, value in collect_env().items():
        print(f'{name}: {value}')
