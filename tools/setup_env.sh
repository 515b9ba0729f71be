# Sourced by quickstart.sh and run_tests.sh: makes .venv with the pinned set
# and activates it. PYTHON names the interpreter (default: python3.11).
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
if [ -z "$PYTHON" ] || ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "Python 3.11 is needed (found: ${PYTHON:-none}); install it, or name it: PYTHON=/path/to/python3.11 bash $0" >&2
    exit 1
fi

# Set up again only when what is to be installed has changed.
STAMP=.venv/.installed
WANTED=$(cat pyproject.toml constraints.txt tools/setup_env.sh | sha256sum)
if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANTED" ]; then
    echo "Setting up .venv (downloads PyTorch and the OpenMMLab packages) ..."
    "$PYTHON" -m venv .venv
    .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[lite,dev]'
    echo "$WANTED" > "$STAMP"
fi
# shellcheck disable=SC1091
. .venv/bin/activate
