# Sourced by quickstart.sh and run_tests.sh: makes an environment with the
# pinned set and activates it. PYTHON names the interpreter (default:
# python3.11); MMCV=full makes .venv-mmdet, with mmcv's compiled operators, of
# which mmdet's detectors and tools need some, instead of .venv.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
if [ -z "$PYTHON" ] || ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "Python 3.11 is needed (found: ${PYTHON:-none}); install it, or name it: PYTHON=/path/to/python3.11 bash $0" >&2
    exit 1
fi

MMCV=${MMCV:-lite}
[ "$MMCV" = full ] && VENV=.venv-mmdet || VENV=.venv

# Set up again only when what is to be installed has changed.
STAMP=$VENV/.installed
WANTED=$(cat pyproject.toml constraints.txt tools/setup_env.sh | sha256sum)
if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANTED" ]; then
    echo "Setting up $VENV (downloads PyTorch and the OpenMMLab packages) ..."
    "$PYTHON" -m venv "$VENV"
    # Python compiles what is imported; pip would compile all, which takes longer than some downloads.
    INSTALL="$VENV/bin/python -m pip install --quiet --no-compile --constraint constraints.txt"
    HAS_OPS="$VENV/bin/python -c 'import mmcv.ops'"
    if [ "$MMCV" = full ]; then
        $INSTALL torch torchvision setuptools wheel ninja
        # PyPI has no wheel. pip keeps the one that it builds, without regard to the version of PyTorch for which it was.
        for AGAIN in '' '--force-reinstall --no-deps --no-cache-dir'; do
            if ! eval "$HAS_OPS" 2>/dev/null; then
                echo "Compiling mmcv, which takes about 20 minutes on two cores where pip has not kept it ..."
                # shellcheck disable=SC2086
                $INSTALL --no-build-isolation $AGAIN mmcv
            fi
        done
    fi
    $INSTALL --editable ".[$MMCV,dev]"
    # A test compares with grad-cam. By itself it would bring opencv-python-headless, which writes over opencv-python.
    $INSTALL --no-deps grad-cam ttach
    [ "$MMCV" = lite ] || eval "$HAS_OPS"
    echo "$WANTED" > "$STAMP"
fi
# shellcheck disable=SC1091
. "$VENV/bin/activate"
