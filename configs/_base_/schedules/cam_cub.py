# The paper of TS-CAM gives no recipe for CAM. These are the defaults of the WSOL
# benchmark's code (Choe et al., CVPR 2020), for VGG16 and Inception, with batch
# 32 and the epochs that it is run with on CUB. The benchmark itself draws
# learning rates at random and keeps the best on a validation split.
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10)}),
)
# The benchmark lowers the rate before every 15th epoch, counted from one.
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[14, 29, 44], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=32)
