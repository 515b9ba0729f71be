# SPG with the thresholds of the WSOL benchmark. The branches look at the
# outputs of pool4 and conv5_3, both 14x14; pool4 is VGG16's own.
_base_ = './cam_vgg16_cub.py'

model = dict(
    backbone=dict(out_indices=(3, 4)),
    head=dict(
        type='SPGHead',
        in_channels=(512, 512),
        hidden_channels=(512, 512),
        guide_channels=512,
        stride=16,
        thresholds=((0.7, 0.01), (0.5, 0.05), (0.7, 0.1)),
    ),
)
