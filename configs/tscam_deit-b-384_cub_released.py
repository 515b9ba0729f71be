_base_ = [
    './_base_/models/tscam_deit-b-384.py',
    './_base_/datasets/cub_flip_384.py',
    './_base_/schedules/cub_released.py',
    './_base_/default_runtime.py',
]

model = dict(head=dict(init='default'))
default_hooks = dict(checkpoint=dict(save_best='tscam-384/loc_top1'))
