# SPA's loss in training, with two convolutions of 1024 and the rates of its
# authors' code, but for biases: theirs learn twice as fast as weights.
_base_ = './cam_inceptionv3_cub.py'

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    head=dict(
        type='SPAHead',
        hidden_channels=(1024, 1024),
        dropout=0.0,
        start=20,
        weight=0.5,
        low=0.1,
        gap=0.2,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=5e-4))
param_scheduler = dict(milestones=[80])
train_cfg = dict(max_epochs=100)
train_dataloader = dict(batch_size=30)
auto_scale_lr = dict(base_batch_size=30)
