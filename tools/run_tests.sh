#!/usr/bin/env bash
# Set up .venv, run the linters, the type checker and the test suite. With
# --mmdet: set up .venv-mmdet, whose mmcv is compiled, and run the tests that
# need it. Further arguments go to pytest:
#   bash tools/run_tests.sh                  everything, as CI does
#   bash tools/run_tests.sh -m 'not slow'    the fast suite
# The tests of a file stay in one process; there are as many processes as cores,
# at most 4. With -n 0 there is one, in which a debugger works.
set -euo pipefail
# Where this is set, each of the many processes that tests start would compile all packages anew.
unset PYTHONDONTWRITEBYTECODE
run_pytest() {
    OMP_NUM_THREADS=1 pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
}
if [ "${1:-}" = --mmdet ]; then
    shift
    MMCV=full
    . "$(dirname "$0")/setup_env.sh"
    python -c 'import mmcv.ops'  # without it all would be skipped
    run_pytest tests/with_mmdet "$@"
    exit
fi
. "$(dirname "$0")/setup_env.sh"
ruff check .
ruff format --check .
mypy
run_pytest "$@"
