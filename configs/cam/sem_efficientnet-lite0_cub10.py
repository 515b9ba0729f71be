# Self-enhancement maps, of a checkpoint of cam_efficientnet-lite0_cub10.py too.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(head=dict(refine=dict(type='SelfEnhancement')))
