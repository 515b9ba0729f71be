# SPG with the thresholds of the WSOL benchmark. The branches look at the
# outputs of pool4 and conv5_3, both 14x14; pool4 is VGG16's own. The benchmark
# trains conv4 and conv5 ten times as fast, as new layers; here they learn at the
# backbone's rate.
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
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
    ),
)
