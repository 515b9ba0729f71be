_base_ = [
    '../_base_/models/sat_deit-s.py',
    '../_base_/datasets/ilsvrc_sat.py',
    '../_base_/schedules/sat_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000, area=0.35, threshold=0.3))
default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='sat/loc_top1'),
)
