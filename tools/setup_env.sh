# Sourced by quickstart.sh and run_tests.sh: makes an environment and activates it. PYTHON names the interpreter; by
# default it is the one of the environment that is there, or else the first of 3.11, 3.12, 3.13 and 3.10 that runs.
# PACKAGES names what to install:
#   lite     .venv: the pinned set (default)
#   full     .venv-mmdet: the same with mmcv's compiled operators, of which mmdet's detectors and tools need some
#   onedl    .venv-onedl: the maintained forks of OpenMMLab's packages
#   oldest   .venv-oldest: the oldest versions that pyproject.toml promises
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PACKAGES=${PACKAGES:-lite}
EXTRA=$PACKAGES CONSTRAINTS=constraints.txt
case $PACKAGES in
    lite) VENV=.venv ;;
    full) VENV=.venv-mmdet ;;
    onedl) VENV=.venv-onedl CONSTRAINTS=/dev/null ;;
    oldest) VENV=.venv-oldest EXTRA=lite CONSTRAINTS=$VENV/oldest.txt ;;
esac

# Its version where it runs and is supported. A command may be there that runs nothing, as pyenv's are.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null | grep -xE '3\.1[0-3]'
}
CANDIDATES=("$VENV/bin/python" python3.11 python3.12 python3.13 python3.10 python3)
[ -z "${PYTHON:-}" ] || CANDIDATES=("$PYTHON")
for CANDIDATE in "${CANDIDATES[@]}"; do
    if VERSION=$(version_of "$CANDIDATE"); then break; fi
done
if [ -z "$VERSION" ]; then
    echo "Python 3.10, 3.11, 3.12 or 3.13 is needed (tried: ${CANDIDATES[*]}); install it, or name it:" \
        "PYTHON=/path/to/python3.11 bash $0" >&2
    exit 1
fi

# Set up again only when what is to be installed has changed.
STAMP=$VENV/.installed
WANTED="$VERSION $(cat pyproject.toml constraints.txt tools/setup_env.sh | sha256sum)"
if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANTED" ]; then
    echo "Setting up $VENV with Python $VERSION (downloads PyTorch and the OpenMMLab packages) ..."
    # Packages of another version of Python would stay beside the new ones.
    [ "$(version_of "$VENV/bin/python")" = "$VERSION" ] && CLEAR= || CLEAR=--clear
    "$CANDIDATE" -m venv $CLEAR "$VENV"
    [ "$PACKAGES" != oldest ] || grep -oE '"[a-z-]+>=[0-9.]+' pyproject.toml | sed -E 's/"(.*)>=(.*)/\1==\2.*/' > "$CONSTRAINTS"
    # Python compiles what is imported; pip would compile all, which takes longer than some downloads.
    INSTALL="$VENV/bin/python -m pip install --quiet --no-compile --constraint $CONSTRAINTS"
    HAS_OPS="$VENV/bin/python -c 'import mmcv.ops'"
    if [ "$PACKAGES" = full ]; then
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
    $INSTALL --editable ".[$EXTRA,dev]"
    # A test compares with grad-cam. By itself it would bring opencv-python-headless, which writes over opencv-python.
    $INSTALL --no-deps grad-cam ttach
    [ "$PACKAGES" != full ] || eval "$HAS_OPS"
    echo "$WANTED" > "$STAMP"
fi
# shellcheck disable=SC1091
. "$VENV/bin/activate"
