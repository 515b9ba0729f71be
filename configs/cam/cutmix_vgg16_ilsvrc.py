# CutMix on every batch, as in the WSOL benchmark, whose recipe this is.
_base_ = './cam_vgg16_ilsvrc.py'

model = dict(
    # Labels become one-hot, for which the number of classes is needed.
    data_preprocessor=dict(num_classes=1000),
    train_cfg=dict(augments=dict(type='CutMix', _scope_='mmpretrain', alpha=1.0)),
    head=dict(loss=dict(type='mmpretrain.CrossEntropyLoss', use_soft=True)),
)
