#!/usr/bin/env bash
# mmengine: --cfg-options cannot take a path with a space or a comma, however
# the shell quotes it, and does not say so.
#
# Versions:  mmengine 0.10.7, Python 3.11
# Guess:     what the shell hands over as one word is one value, so quotes
#            around KEY=VALUE keep a path as it is.
# Behaviour: DictAction, behind --cfg-options of all OpenMMLab tools, takes
#            white space out of a value and makes a list of what commas
#            separate. The tool then looks in a folder of another name, or
#            fails far away on a list where it wanted a path.
# Seen:      data root='my data/birds' becomes 'mydata/birds'
#            data root='a,b' becomes ['a', 'b'] (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 'setuptools<80'
cat > "$folder/tool.py" <<'PYTHON'
import argparse

from mmengine.config import Config, DictAction

parser = argparse.ArgumentParser()
parser.add_argument('--cfg-options', nargs='+', action=DictAction)
cfg = Config(dict(data=dict(root='images')))
cfg.merge_from_dict(parser.parse_args().cfg_options)
print(repr(cfg.data.root))
PYTHON
for path in 'my data/birds' 'a,b'; do
    found=$("$folder/venv/bin/python" -W ignore "$folder/tool.py" --cfg-options "data.root=$path")
    echo "data root='$path' becomes $found"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
data root='my data/birds' becomes 'mydata/birds'
data root='a,b' becomes ['a', 'b']
SEEN
