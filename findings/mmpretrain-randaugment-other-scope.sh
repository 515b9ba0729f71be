#!/usr/bin/env bash
# mmpretrain: RandAugment and AutoAugment, named with their scope in the config of
# another OpenMMLab project, cannot build their own policies.
#
# Versions:  mmpretrain 1.2.0, mmengine 0.10.7, mmcv-lite 2.1.0, torch 2.11.0,
#            Python 3.11
# Guess:     type='mmpretrain.RandAugment' works under any default scope, as
#            type='mmpretrain.RandomErasing' and all other transforms do.
# Behaviour: the prefix finds the class and does not change the scope. The class
#            then builds each policy by its bare name in the default scope, where
#            there is no such transform. _scope_='mmpretrain' in the same dict,
#            instead of the prefix, changes the scope while it is built.
# Seen:      with the prefix: 'AutoContrast is not in the plugin::transform
#            registry'; with _scope_: 15 policies (2026-11-29)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmpretrain==1.2.0 mmengine==0.10.7 mmcv-lite==2.1.0 torch==2.11.0 \
    torchvision==0.26.0 'setuptools<80' 'numpy<2.4' 'opencv-python-headless'
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import mmpretrain.datasets.transforms  # noqa: F401 - registers them
from mmengine.registry import TRANSFORMS as ROOT
from mmengine.registry import Registry, init_default_scope

registry = Registry('transform', parent=ROOT, scope='plugin', locations=[])
init_default_scope('plugin')
assert registry.build(dict(type='mmpretrain.RandomErasing')), 'the behaviour has changed'
settings = dict(policies='timm_increasing', num_policies=2, magnitude_level=9)
try:
    registry.build(dict(type='mmpretrain.RandAugment', **settings))
except KeyError as error:
    print('with the prefix:', str(error).partition('.')[0])
    assert 'AutoContrast is not in the plugin::transform registry' in str(error), 'the behaviour has changed'
else:
    raise SystemExit('the behaviour has changed: it was built')
built = registry.build(dict(type='RandAugment', _scope_='mmpretrain', **settings))
print(f'with _scope_: {len(built.transforms)} policies')
assert len(built.transforms) == 15, 'the behaviour has changed'
PYTHON
