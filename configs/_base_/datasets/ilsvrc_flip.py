# ILSVRC 2012 with the released code's horizontal flip in training.
_base_ = './ilsvrc.py'

train_pipeline = [
    dict(type='LoadResizedImage', scale=(256, 256)),
    dict(type='mmpretrain.RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
