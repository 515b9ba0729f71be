#!/usr/bin/env bash
# Set up .venv, run the linters, the type checker and the test suite.
# Arguments go to pytest.
set -euo pipefail
. "$(dirname "$0")/setup_env.sh"
ruff check .
ruff format --check .
mypy
pytest "$@"
