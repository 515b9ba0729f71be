# CAM on EfficientNet-Lite0 with maps of 14x14: the last stage that halves the
# size keeps it. The network and its names are timm's (pip install timm); the
# weights were trained with inputs in [-1, 1].
_base_ = './cam_vgg16.py'

model = dict(
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    backbone=dict(
        _delete_=True,
        type='TruncatedBackbone',
        model=dict(type='timm.create_model', model_name='tf_efficientnet_lite0'),
        layers=('bn2',),
        modules={'blocks.5.0.conv_dw': dict(stride=(1, 1))},
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/'
            'tf_efficientnet_lite0-0aa007d2.pth',
        ),
    ),
    head=dict(in_channels=1280, hidden_channels=()),
)
