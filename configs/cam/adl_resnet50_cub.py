# ADL after the first block of the third stage and the first and third of the
# fourth; rates and places as in the WSOL benchmark. A checkpoint can be tested
# with cam_resnet50_cub.py too.
_base_ = './cam_resnet50_cub.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ADLBackbone',
        backbone={{_base_.model.backbone}},
        layers=('layer3.0', 'layer4.0', 'layer4.2'),
        drop_rate=0.75,
        threshold=0.9,
    ),
)
