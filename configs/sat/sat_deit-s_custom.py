# SAT on a folder of your own images; set model.head.num_classes to the number of
# your classes, and model.head.area to the share of an image that your objects fill.
_base_ = [
    '../_base_/models/sat_deit-s.py',
    '../_base_/datasets/custom.py',
    '../_base_/schedules/sat_cub.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=32)
default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='accuracy/top1'),
)
