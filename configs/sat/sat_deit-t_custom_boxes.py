# SAT on your own images with DeiT-T, which two CPU cores can train, and with boxes of the test images.
_base_ = './sat_deit-s_custom_boxes.py'

model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(checkpoint='https://dl.fbaipublicfiles.com/deit/deit_tiny_patch16_224-a1311bcf.pth'),
    ),
    head=dict(in_channels=192),
)
