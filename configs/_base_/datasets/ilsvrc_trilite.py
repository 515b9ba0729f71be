# ILSVRC 2012 for TriLite, see cub_trilite.py. The authors' own protocol takes the
# best of all contours, at IoU 0.5.
_base_ = './ilsvrc_flip.py'

test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(448, 448), backend='pillow', interpolation='bilinear'),
    dict(type='PackLocInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='LocAccuracy', protocol='sat')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.4),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
