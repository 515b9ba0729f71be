# ADL after pool3, conv4_3 and conv5_3; rates and places as in the WSOL
# benchmark. ADL's authors seem to have pool4 for conv4_3 and a threshold of 0.8.
# A checkpoint can be tested with cam_vgg16_cub.py too.
_base_ = './cam_vgg16_cub.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='ADLBackbone',
        backbone={{_base_.model.backbone}},
        layers=('features.9', 'features.12', 'features.16'),
        drop_rate=0.75,
        threshold=0.9,
    ),
)
