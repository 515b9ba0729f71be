_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    data_preprocessor=dict(num_classes=10),
    train_cfg=dict(augments=dict(type='CutMix', _scope_='mmpretrain', alpha=1.0)),
    head=dict(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True)),
)
