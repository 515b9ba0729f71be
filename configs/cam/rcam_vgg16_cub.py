# RCAM with its rules for boxes and the recipe of its authors' code.
_base_ = './cam_vgg16_cub.py'

model = dict(head=dict(type='RCAMHead', pool_threshold=0.1, protocol='rcam', threshold=0.35))
optim_wrapper = dict(
    optimizer=dict(lr=3e-3, weight_decay=5e-4),
    # They scale the backbone's gradients by 0.1, which leaves weight decay as it is.
    paramwise_cfg=dict(custom_keys=dict(_delete_=True, backbone=dict(lr_mult=0.1, decay_mult=10))),
)
param_scheduler = dict(milestones=[60, 120, 180])
train_cfg = dict(max_epochs=200)
train_dataloader = dict(batch_size=40)
auto_scale_lr = dict(base_batch_size=40)
val_evaluator = [dict(type='LocAccuracy', protocol='rcam')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.2),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
default_hooks = dict(checkpoint=dict(save_best='rcam/loc_top1'))
