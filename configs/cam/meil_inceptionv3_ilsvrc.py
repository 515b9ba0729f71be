# MEIL on InceptionV3. The authors' places and weight are not known. The places
# here stand where pool4 and conv5_3 stand in VGG16, at the start and at the end
# of the last stage; the schedule is that of eil_vgg16_ilsvrc.py.
_base_ = './cam_inceptionv3_ilsvrc.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='EILBackbone',
        backbone={{_base_.model.backbone}},
        layers=('Mixed_6a', 'Mixed_6e'),
        threshold=0.7,
    ),
    head=dict(type='EILHead', weight=1.0),
)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    # The convolution before the classifier is new too, but learns at the backbone's rate.
    paramwise_cfg=dict(custom_keys={'_delete_': True, 'head.classifier.4': dict(lr_mult=10)}),
)
param_scheduler = dict(milestones=[4, 7])
train_dataloader = dict(batch_size=64)
auto_scale_lr = dict(base_batch_size=64)
