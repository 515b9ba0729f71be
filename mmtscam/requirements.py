"""Checks the versions of the OpenMMLab packages before anything imports them."""

from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet

# Package to the distributions that provide it and their supported versions. The
# first one is recommended. mmcv and mmcv-lite hold the same files, and so do the
# onedl-* forks.
SUPPORTED = {
    'mmengine': {'mmengine': '>=0.10.7,<0.11', 'onedl-mmengine': '>=0.10.8,<0.11'},
    'mmcv': {'mmcv-lite': '>=2.1.0,<2.2', 'mmcv': '>=2.1.0,<2.2', 'onedl-mmcv': '>=2.3,<3'},
    'mmdet': {'mmdet': '>=3.3.0,<3.4', 'onedl-mmdetection': '>=3.4,<4'},
    'mmpretrain': {'mmpretrain': '>=1.2.0,<1.3', 'onedl-mmpretrain': '>=1.3,<2'},
}


def installed_versions(distributions: dict[str, str]) -> dict[str, str]:
    """Return the versions of those of the distributions that are installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def check_requirements() -> None:
    """Check that each OpenMMLab package is there once, in a supported version.

    Raises:
        ImportError: One error for all packages at fault, with what was found,
            what is needed and the commands that mend it.
    """
    problems, commands = [], []
    for package, supported in SUPPORTED.items():
        found = installed_versions(supported)
        needed = ' or '.join(f'{name} {versions}' for name, versions in supported.items())
        first, versions = next(iter(supported.items()))
        if not found:
            problems.append(f'{package}: found none, needs {needed}')
            commands.append(f'pip install "{first}{versions}"')
        elif len(found) > 1:
            both = ' and '.join(f'{name} {number}' for name, number in found.items())
            problems.append(f'{package}: found {both}, which overwrite each other; needs one of {needed}')
            commands.append(f'pip uninstall -y {" ".join(found)}')
            commands.append(f'pip install "{first}{versions}"')
        else:
            ((name, number),) = found.items()
            if not SpecifierSet(supported[name]).contains(number, prereleases=True):
                problems.append(f'{package}: found {name} {number}, needs {needed}')
                commands.append(f'pip install "{name}{supported[name]}"')
    if problems:
        raise ImportError(
            'mmtscam cannot run with the installed OpenMMLab packages:\n'
            + ''.join(f'  - {problem}\n' for problem in problems)
            + 'Install what is needed with:\n'
            + ''.join(f'  {command}\n' for command in commands)
        )
