# CUB-200-2011 for TriLite, which is tested on whole images of 448x448. A test has
# SAT's and TS-CAM's rules at a fixed threshold, and the benchmark's.
_base_ = './cub_flip.py'

train_dataloader = dict(batch_size=128)
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
    # The authors' own, an oracle on the test images.
    dict(type='MaxBoxAcc', protocol='wsol-v1', step=0.005),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
