#!/usr/bin/env bash
# Set up .venv, run the linters, the type checker and the test suite. PYTHON
# names an interpreter, 3.10 to 3.13. Further arguments go to pytest:
#   bash tools/run_tests.sh                  everything, as CI does
#   bash tools/run_tests.sh -m 'not slow'    the fast suite
#   bash tools/run_tests.sh --weekly         the long suites: faults, ranks, fuzzer, agreement with others
# Other packages, in an environment of their own, as the first argument:
#   --mmdet     mmcv is compiled; runs the tests that need it
#   --onedl     the maintained forks of OpenMMLab's packages
#   --oldest    the oldest versions that pyproject.toml promises
# The tests of a file stay in one process; there are as many processes as cores,
# at most 4. With -n 0 there is one, in which a debugger works.
set -euo pipefail
# Where this is set, each of the many processes that tests start would compile all packages anew.
unset PYTHONDONTWRITEBYTECODE
run_pytest() {
    OMP_NUM_THREADS=1 pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
}
case "${1:-}" in
    --mmdet)
        shift
        PACKAGES=full
        . "$(dirname "$0")/setup_env.sh"
        python -c 'import mmcv.ops'  # without it all would be skipped
        run_pytest tests/with_mmdet "$@"
        exit
        ;;
    --weekly)
        shift
        . "$(dirname "$0")/setup_env.sh"
        run_pytest -rP tests/weekly "$@"
        exit
        ;;
    --onedl | --oldest)
        PACKAGES=${1#--}
        shift
        . "$(dirname "$0")/setup_env.sh"
        run_pytest "$@"
        exit
        ;;
esac
. "$(dirname "$0")/setup_env.sh"
ruff check .
ruff format --check .
# The stubs of the last Matplotlib and NumPy for 3.10 are wrong in three places, and those of all later ones right.
[ "$VERSION" = 3.10 ] || mypy
run_pytest "$@"
