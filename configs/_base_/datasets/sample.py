# The sample set that tools/quickstart.sh draws, in CUB-200-2011's layout.
_base_ = './cub.py'

data_root = 'data/sample'
classes = (
    'Crested_Zeb',
    'Horned_Ember',
    'Eared_Mallow',
    'Billed_Lagoon',
    'Trunked_Fern',
    'Feelered_Plum',
    'Frilled_Coral',
    'Visored_Wasp',
)

train_pipeline = [
    dict(type='LoadResizedImage', scale=(92, 92)),
    dict(type='mmpretrain.RandomCrop', crop_size=80),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(80, 80), backend='pillow', interpolation='bilinear'),
    dict(type='PackLocInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    dataset=dict(dataset=dict(data_root=data_root), metainfo=dict(classes=classes), pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    dataset=dict(dataset=dict(data_root=data_root), metainfo=dict(classes=classes), pipeline=test_pipeline),
)
test_dataloader = val_dataloader
