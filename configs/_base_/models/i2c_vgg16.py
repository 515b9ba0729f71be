# I2C on VGG16 with maps of 28x28: poolings of 3x3, the last two without stride. The
# authors' code pools averages of 3x3 after these, which is left out.
_base_ = './cam_vgg16.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TruncatedBackbone',
        model=dict(type='mmpretrain.VGG', depth=16),
        layers=('features.17',),
        modules={
            **{f'features.{place}': dict(kernel_size=3, padding=1) for place in (2, 5, 9)},
            **{f'features.{place}': dict(kernel_size=3, stride=1, padding=1) for place in (13, 17)},
        },
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/vgg/'
            'vgg16_batch256_imagenet_20210208-db26f1a5.pth',
        ),
    ),
    head=dict(
        type='I2CHead',
        hidden_channels=(1024, 1024),
        dropout=0.5,
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
    ),
)
