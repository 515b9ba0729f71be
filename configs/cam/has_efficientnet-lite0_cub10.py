_base_ = './cam_efficientnet-lite0_cub10.py'

train_pipeline = [
    dict(type='LoadResizedImage', scale=(256, 256)),
    dict(type='mmpretrain.RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5),
    dict(type='HideAndSeek', grid_sizes=(0, 16, 32, 44, 56), drop_prob=0.5),
    dict(type='PackLocInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
