# ACoL on the backbone of CAM: the original's overlapping 3x3 poolings and the 3x3
# average pooling before both classifiers are left out. Threshold, recipe and
# initialisation are those of the WSOL benchmark; the authors erase from 0.6 on.
_base_ = './cam_vgg16_cub.py'

model = dict(
    head=dict(
        type='ACoLHead',
        hidden_channels=(1024, 1024),
        erase_threshold=0.7,
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
    ),
)
