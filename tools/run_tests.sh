#!/usr/bin/env bash
# Set up .venv, run the linters, the type checker and the test suite. With
# --mmdet: set up .venv-mmdet, whose mmcv is compiled, and run the tests that
# need it. Further arguments go to pytest.
set -euo pipefail
if [ "${1:-}" = --mmdet ]; then
    shift
    MMCV=full
    . "$(dirname "$0")/setup_env.sh"
    python -c 'import mmcv.ops'  # without it all would be skipped
    pytest tests/with_mmdet "$@"
    exit
fi
. "$(dirname "$0")/setup_env.sh"
ruff check .
ruff format --check .
mypy
pytest "$@"
