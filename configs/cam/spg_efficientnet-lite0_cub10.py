# SPG with hidden layers of 256 channels. B1 looks at the last stage before the
# size would be halved, B2 at the last features.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    backbone=dict(layers=('blocks.4', 'bn2')),
    head=dict(
        type='SPGHead',
        in_channels=(112, 1280),
        hidden_channels=(256, 256),
        guide_channels=256,
        stride=16,
        thresholds=((0.7, 0.01), (0.5, 0.05), (0.7, 0.1)),
    ),
)
# Its layers learn at the authors' rate, see acol_efficientnet-lite0_cub10.py.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=1))))
