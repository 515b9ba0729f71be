# ADL after Mixed_5d, Mixed_6e and the second of two convolutions of 1024; rates,
# places and recipe as in the WSOL benchmark. The paper's row is ADL's authors',
# whose places in InceptionV3 are not known.
_base_ = './cam_inceptionv3_ilsvrc.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ADLBackbone',
        backbone={{_base_.model.backbone}},
        layers=('Mixed_5d', 'Mixed_6e'),
        drop_rate=0.75,
        threshold=0.9,
    ),
    head=dict(type='ADLHead', hidden_channels=(1024, 1024), dropout=0.0, drop_rate=0.75, drop_threshold=0.9),
)
