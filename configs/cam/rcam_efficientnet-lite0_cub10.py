_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='RCAMHead'))
# Its own boxes too: the cut is relative to a percentile of the map.
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='LocAccuracy', protocol='rcam'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
# Pooled features are larger than CAM's: at ten times the backbone's rate the head
# diverges. This is the authors' rate for it.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=0.3))))
