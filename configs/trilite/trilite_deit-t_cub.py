_base_ = [
    '../_base_/models/trilite_deit-t.py',
    '../_base_/datasets/cub_trilite.py',
    '../_base_/schedules/trilite_cub.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(save_best='sat/loc_top1'))
