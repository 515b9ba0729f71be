"""The script that makes environments, with stand-ins for the interpreters, so that nothing is downloaded."""

import os
import shutil
import subprocess

import pytest

# It tells its version, copies itself into an environment, and notes what pip is asked for.
INTERPRETER = """#!/bin/sh
case "$1 $2" in
    '-m venv')
        for folder; do :; done
        [ "$3" != --clear ] || rm -rf "$folder"
        mkdir -p "$folder/bin" && : > "$folder/bin/activate"
        [ -e "$folder/bin/python" ] || cp "$0" "$folder/bin/python" ;;
    '-m pip') echo "$@" >> "$(dirname "$0")/pip.log" ;;
    *) echo VERSION ;;
esac
"""
COMMANDS = ('bash', 'cat', 'cp', 'dirname', 'grep', 'mkdir', 'rm', 'sed', 'sha256sum', 'sh')


@pytest.fixture
def place(tmp_path, repo):
    """A checkout without environments, and a folder of commands in which Python 3.11 is missing."""
    (tmp_path / 'tools').mkdir()
    for name in ('pyproject.toml', 'constraints.txt', 'tools/setup_env.sh'):
        shutil.copy(repo / name, tmp_path / name)
    (tmp_path / 'bin').mkdir()
    for name in COMMANDS:
        (tmp_path / 'bin' / name).symlink_to(shutil.which(name))
    for version in ('3.9', '3.10', '3.13'):
        path = tmp_path / 'bin' / f'python{version}'
        path.write_text(INTERPRETER.replace('VERSION', version))
        path.chmod(0o755)
    # pyenv leaves such commands for versions that are there but not chosen.
    (tmp_path / 'bin' / 'python3.12').write_text('#!/bin/sh\nexit 127\n')
    (tmp_path / 'bin' / 'python3.12').chmod(0o755)
    return tmp_path


@pytest.fixture
def set_up(place):
    def set_up(code=0, **environment):
        done = subprocess.run(
            ['bash', '-euo', 'pipefail', '-c', '. tools/setup_env.sh'],
            cwd=place,
            env={'PATH': str(place / 'bin'), 'HOME': os.environ.get('HOME', '/'), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return set_up


def test_the_first_interpreter_that_runs_and_then_the_one_that_is_there(place, set_up):
    assert set_up().startswith('Setting up .venv with Python 3.13 (')
    asked = (place / '.venv' / 'bin' / 'pip.log').read_text()
    assert '--constraint constraints.txt --editable .[lite,dev]' in asked
    assert set_up() == ''
    # Another one is named: nothing of the old environment stays.
    assert set_up(PYTHON=str(place / 'bin' / 'python3.10')).startswith('Setting up .venv with Python 3.10 (')
    assert (place / '.venv' / 'bin' / 'pip.log').read_text() == asked
    assert set_up() == ''
    # Other versions are wanted: the environment stays, with its interpreter.
    (place / 'constraints.txt').write_text('')
    assert set_up().startswith('Setting up .venv with Python 3.10 (')
    assert (place / '.venv' / 'bin' / 'pip.log').read_text() == 2 * asked


def test_an_interpreter_that_is_too_old(place, set_up):
    said = set_up(code=1, PYTHON='python3.9')
    assert said.startswith(
        'Python 3.10, 3.11, 3.12 or 3.13 is needed (tried: python3.9); install it, or name it: PYTHON='
    )
    assert said.count('\n') == 1
    assert not (place / '.venv').exists()


def test_the_forks_have_no_pins(place, set_up):
    assert set_up(PACKAGES='onedl').startswith('Setting up .venv-onedl with Python 3.13 (')
    assert '--constraint /dev/null --editable .[onedl,dev]' in (place / '.venv-onedl' / 'bin' / 'pip.log').read_text()


def test_the_oldest_set_has_the_lower_bounds_of_pyproject(place, set_up):
    set_up(PACKAGES='oldest')
    asked = (place / '.venv-oldest' / 'bin' / 'pip.log').read_text()
    assert '--constraint .venv-oldest/oldest.txt --editable .[lite,dev]' in asked
    pins = (place / '.venv-oldest' / 'oldest.txt').read_text().split()
    assert {'torch==2.6.*', 'torchvision==0.21.*', 'numpy==1.26.*', 'opencv-python==4.10.*', 'mmdet==3.3.0.*'} <= set(
        pins
    )
