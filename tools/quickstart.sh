#!/usr/bin/env bash
# Set up .venv, draw the sample set, train TS-CAM on it, evaluate, leave
# pictures. A second run reuses what is there.
set -euo pipefail
if [ $# -gt 0 ]; then
    echo 'Usage: bash tools/quickstart.sh, without arguments; PYTHON names the interpreter, 3.10 to 3.13' >&2
    [ "$1" = --help ] || [ "$1" = -h ]
    exit
fi
. "$(dirname "$0")/setup_env.sh"
python -W ignore tools/quickstart.py
echo 'To go on by hand: . .venv/bin/activate'
