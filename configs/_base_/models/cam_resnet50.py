# CAM on ResNet50 with maps of 14x14, the WSOL benchmark's default: the last
# stage keeps the resolution.
_base_ = './cam_vgg16.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='CAMResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth'),
    ),
    head=dict(in_channels=2048, hidden_channels=()),
)
