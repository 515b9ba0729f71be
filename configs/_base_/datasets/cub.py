# CUB-200-2011, official split: 5,994 images for training, 5,794 for testing.
data_root = 'data/CUB_200_2011'

# Pillow's bilinear resizing (antialiased) without EXIF rotation gives the same
# pixels as the released code. fast=True gives nearly the same pixels sooner.
# Loaders are the bottleneck in training, so one step reads and resizes there.
# The test has two steps, which give the same pixels: mmdet's tools look for
# LoadImageFromFile, to put a loader of their own in its place.
train_pipeline = [
    dict(type='LoadResizedImage', scale=(256, 256)),
    dict(type='mmpretrain.RandomCrop', crop_size=224),
    dict(type='PackLocInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(224, 224), backend='pillow', interpolation='bilinear'),
    dict(type='PackLocInputs'),
]

train_dataloader = dict(
    batch_size=128,
    num_workers=4,
    # EpochSeedHook seeds workers anew in every epoch although they persist.
    persistent_workers=True,
    worker_init_fn=dict(type='mmtscam.seed_worker'),
    pin_memory=True,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='WSOLDataset',
        # Training sees image labels only, so there are no boxes.
        dataset=dict(type='mmpretrain.CUB', data_root=data_root, split='train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WSOLDataset',
        dataset=dict(type='mmpretrain.CUB', data_root=data_root, split='test'),
        boxes=dict(type='CUBBoxes'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = [dict(type='LocAccuracy', protocol='tscam')]
# A test also shows what attention and semantics alone achieve, and the
# benchmark's figure, all from one pass.
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', map_kind='attention', prefix='tscam-attention'),
    dict(type='LocAccuracy', protocol='tscam', map_kind='semantic', prefix='tscam-semantic'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
