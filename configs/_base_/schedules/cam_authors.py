# The rates in the codes of SPG, DANet, I2C, SEM and SPA: biases learn twice as
# fast as weights, and the head ten times as fast as the backbone. Epochs and the
# step are those of DANet and SPA on CUB, with batch 30.
optim_wrapper = dict(
    # mmengine's own would train the head's biases at 10 times the rate, not 20, and those of norm layers at the base.
    constructor='BiasRateConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2, custom_keys={'head': dict(lr_mult=10)}),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[80], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=30)
