_base_ = [
    '../_base_/models/sat_deit-b.py',
    '../_base_/datasets/cub_sat.py',
    '../_base_/schedules/sat_cub.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='sat/loc_top1'),
)
