# Self-correlation maps (SPA's at test), of a checkpoint of cam_efficientnet-lite0_cub10.py too.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    backbone=dict(layers=('blocks.4', 'blocks.6', 'bn2')),
    head=dict(refine=dict(type='SelfCorrelation', levels=(0, 1))),
)
