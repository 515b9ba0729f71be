#!/usr/bin/env bash
# mmengine: updating a copy of a part of a config changes the config.
#
# Versions:  mmengine 0.10.7, Python 3.11
# Guess:     part.copy() followed by copy.update(key=...) replaces the key in
#            the copy, as with a dict, and leaves the original alone.
# Behaviour: copy() is shallow, and update() merges nested dicts in place
#            instead of replacing them. Nested dicts are shared, so the
#            original gets the new fields, and the copy keeps the old ones.
# Seen:      ConfigDict copy: {'type': 'B', 'keep': 1} original: {'type': 'B', 'keep': 1}
#            dict copy: {'type': 'B'} original: {'type': 'A', 'keep': 1} (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
from mmengine.config import Config

dataset = Config(dict(dataset=dict(boxes=dict(type='A', keep=1)))).dataset
for original in (dataset, dict(boxes=dict(type='A', keep=1))):
    copy = original.copy()
    copy.update(boxes=dict(type='B'))
    print(type(original).__name__, 'copy:', dict(copy['boxes']), 'original:', dict(original['boxes']))
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
ConfigDict copy: {'type': 'B', 'keep': 1} original: {'type': 'B', 'keep': 1}
dict copy: {'type': 'B'} original: {'type': 'A', 'keep': 1}
SEEN
