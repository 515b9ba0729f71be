# EIL after pool4, with the threshold and the recipe of its authors' code.
_base_ = './cam_vgg16_cub.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='EILBackbone',
        backbone={{_base_.model.backbone}},
        layers=('features.13',),
        threshold=0.7,
    ),
    head=dict(type='EILHead', weight=1.0),
)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    # The convolution before the classifier is new too, but learns at the backbone's rate.
    paramwise_cfg=dict(custom_keys={'_delete_': True, 'head.classifier.2': dict(lr_mult=10)}),
)
param_scheduler = dict(milestones=[60])
train_cfg = dict(max_epochs=80)
train_dataloader = dict(batch_size=64)
auto_scale_lr = dict(base_batch_size=64)
