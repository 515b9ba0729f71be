# EIL erases where the size would be halved for the last time, after a ReLU.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='EILBackbone',
        backbone={{_base_.model.backbone}},
        layers=('blocks.5.0.bn1',),
    ),
    head=dict(type='EILHead'),
)
