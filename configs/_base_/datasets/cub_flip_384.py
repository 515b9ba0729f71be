# CUB-200-2011 at 384x384, resized and cropped in the proportions of 224x224.
# The authors' evaluation takes the input as its frame.
_base_ = './cub_flip.py'

train_pipeline = [
    dict(type='LoadResizedImage', scale=(438, 438)),
    dict(type='mmpretrain.RandomCrop', crop_size=384),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(384, 384), backend='pillow', interpolation='bilinear'),
    dict(type='PackLocInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

protocol = dict(base='tscam', name='tscam-384', frame=(384, 384))
val_evaluator = [dict(type='LocAccuracy', protocol=protocol)]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol=protocol, map_kind='attention', prefix='tscam-384-attention'),
    dict(type='LocAccuracy', protocol=protocol, map_kind='semantic', prefix='tscam-384-semantic'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
