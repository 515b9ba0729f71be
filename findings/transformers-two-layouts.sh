#!/usr/bin/env bash
# transformers: a model saved by save_pretrained has other parameter names than its state_dict.
#
# Versions:  transformers 5.24.0, torch 2.11.0
# Guess:     save_pretrained writes the names of state_dict(), so a converter
#            that knows one of them reads files that were saved in either way.
# Behaviour: from version 5 on the model's own names differ from those of the
#            files on the hub. save_pretrained writes the old ones, so
#            torch.save(model.state_dict()) and save_pretrained give two
#            layouts of one model, which share hardly a name.
# Seen:      state_dict: vit.layers.0.attention.q_proj.weight
#            file: vit.encoder.layer.0.attention.attention.query.weight (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.24.0 torch==2.11.0
cat > "$folder/see.py" <<'PYTHON'
import sys

from safetensors import safe_open
from transformers import ViTConfig, ViTForImageClassification

sizes = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
config = ViTConfig(**sizes, image_size=8, patch_size=4)
model = ViTForImageClassification(config)
model.save_pretrained(sys.argv[1])
with safe_open(f'{sys.argv[1]}/model.safetensors', 'pt') as file:
    written = sorted(file.keys())
for where, names in (('state_dict', sorted(model.state_dict())), ('file', written)):
    print(f'{where}:', next(name for name in names if 'q_proj.weight' in name or 'query.weight' in name))
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder/saved" 2> /dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN' || { echo 'the behaviour has changed'; exit 1; }
state_dict: vit.layers.0.attention.q_proj.weight
file: vit.encoder.layer.0.attention.attention.query.weight
SEEN
