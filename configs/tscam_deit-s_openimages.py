# The paper does not use OpenImages30k; this is its recipe for CUB.
_base_ = [
    './_base_/models/tscam_deit-s.py',
    './_base_/datasets/openimages.py',
    './_base_/schedules/cub_paper.py',
    './_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=100))
default_hooks = dict(checkpoint=dict(save_best='wsol-v2/pxap'))
