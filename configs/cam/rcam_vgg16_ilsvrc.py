# RCAM with its rules for boxes. The authors' recipe for ILSVRC is not known; the
# schedule is that of cam_vgg16_ilsvrc.py.
_base_ = './cam_vgg16_ilsvrc.py'

model = dict(head=dict(type='RCAMHead', pool_threshold=0.1, protocol='rcam', threshold=0.35))
val_evaluator = [dict(type='LocAccuracy', protocol='rcam')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.2),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
default_hooks = dict(checkpoint=dict(save_best='rcam/loc_top1'))
