_base_ = './lctr_deit-s.py'

model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(checkpoint='https://dl.fbaipublicfiles.com/deit/deit_tiny_patch16_224-a1311bcf.pth'),
    ),
    head=dict(in_channels=192),
)
