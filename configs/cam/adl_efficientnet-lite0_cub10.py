# ADL on features after a ReLU, of 28x28 and 14x14, and on the last ones.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ADLBackbone',
        backbone={{_base_.model.backbone}},
        layers=('blocks.3.0.bn1', 'blocks.5.0.bn1', 'bn2'),
        drop_rate=0.75,
        threshold=0.9,
    ),
)
