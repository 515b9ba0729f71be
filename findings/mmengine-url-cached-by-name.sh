#!/usr/bin/env bash
# mmengine: of two checkpoints at different URLs with one file name, the second is never downloaded.
#
# Versions:  mmengine 0.10.7, torch 2.11.0
# Guess:     load_from='https://.../base/model.bin' loads that file, whatever
#            else was loaded before from https://.../small/model.bin.
# Behaviour: downloads are kept by the last part of the URL alone, for all
#            runs of a user. Model hubs call their files model.safetensors or
#            pytorch_model.bin, so the weights of another network come back,
#            without a word where shapes happen to fit.
# Seen:      small/model.bin: 1.0
#            base/model.bin: 1.0, though the server has 2.0 there (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmengine==0.10.7 torch==2.11.0 'setuptools<80'
cat > "$folder/see.py" <<'PYTHON'
import http.server
import os
import sys
import threading
from functools import partial
from pathlib import Path

root = Path(sys.argv[1], 'served')
os.environ['TORCH_HOME'] = str(root.parent / 'cache')

import torch
from mmengine.runner import CheckpointLoader

for name, value in (('small', 1.0), ('base', 2.0)):
    (root / name).mkdir(parents=True)
    torch.save(dict(weight=torch.tensor(value)), root / name / 'model.bin')
handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(root))
handler.log_message = lambda *args: None
with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ('small', 'base'):
        url = f'http://127.0.0.1:{server.server_port}/{name}/model.bin'
        print(f'{name}/model.bin:', CheckpointLoader.load_checkpoint(url, 'cpu', logger=None)['weight'].item())
    server.shutdown()
PYTHON
no_proxy=127.0.0.1 "$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" 2> /dev/null \
    | grep "bin: [0-9]" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
small/model.bin: 1.0
base/model.bin: 1.0
SEEN
