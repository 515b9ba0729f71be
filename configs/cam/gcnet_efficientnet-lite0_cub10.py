# GC-Net with ellipses. The frozen classifier is a checkpoint of cam_efficientnet-lite0_cub10.py:
# train it first, or name another one by model.classifier.init_cfg.checkpoint.
# Authors train for 30 epochs; here there are 8, as in all configs for ten classes.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(
    type='GCNet',
    classifier=dict(
        type='mmpretrain.ImageClassifier',
        backbone={{_base_.model.backbone}},
        head={{_base_.model.head}},
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/cam_efficientnet-lite0_cub10/epoch_8.pth'),
    ),
    head=dict(_delete_=True, type='ShapeHead', num_classes=10, in_channels=1280),
)
optim_wrapper = dict(
    _delete_=True,
    constructor='BiasRateConstructor',
    optimizer=dict(type='Adam', lr=1e-4),
    # Not 'head', which is in the name of the network's conv_head too.
    paramwise_cfg=dict(
        bias_lr_mult=2,
        custom_keys={'head.fc': dict(lr_mult=10), 'head.generator': dict(lr_mult=10)},
    ),
)
