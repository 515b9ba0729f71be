"""Describes an installation for a bug report: ``python -m mmtscam.collect_env``."""

from .requirements import SUPPORTED, check_requirements, installed_versions
from .version import __version__


def collect_env() -> dict[str, str]:
    """Collect the versions of everything that mmtscam computes with.

    Returns:
        The fields of ``mmengine.utils.dl_utils.collect_env`` (system, Python, GPUs, compilers, PyTorch with its
        build and the capability of the CPU that it uses, TorchVision, OpenCV, MMEngine) and three of ours:
        ``'OpenMMLab'``, the distributions that are installed, the ``onedl-*`` forks among them; ``'mmcv.ops'``,
        whether mmcv has compiled operators; ``'mmtscam'``, our version.

    Raises:
        ImportError: If an OpenMMLab package is missing or of a version that does not work; says what was found.
    """
    check_requirements()
    from mmengine.utils.dl_utils import collect_env as collect_base_env

    found = {name: version for names in SUPPORTED.values() for name, version in installed_versions(names).items()}
    return {
        **{name: str(value) for name, value in collect_base_env().items()},
        'OpenMMLab': ', '.join(f'{name} {version}' for name, version in found.items()),
        'mmcv.ops': _compiled_operators(),
        'mmtscam': __version__,
    }


def _compiled_operators() -> str:
    try:
        # This fails where mmcv has no compiled operators, and where they were built for another PyTorch.
        import mmcv.ops  # noqa: F401
    except ImportError as error:
        return f'no ({error})'
    return 'yes'


def main() -> None:
    """Print what :func:`collect_env` finds, a field a line."""
    try:
        fields = collect_env()
    except ImportError as error:
        raise SystemExit(str(error)) from error
    for name, value in fields.items():
        print(f'{name}: {value}')


if __name__ == '__main__':
    main()
