# The same with boxes of the test images, to test on.
_base_ = [
    '../_base_/models/sat_deit-s.py',
    '../_base_/datasets/custom_boxes.py',
    '../_base_/schedules/sat_cub.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=32)
val_evaluator = [dict(type='LocAccuracy', protocol='sat')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.4),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='sat/loc_top1'),
)
