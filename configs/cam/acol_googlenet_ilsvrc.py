# ACoL on GoogLeNet up to inception4e, with the threshold and the recipe of its
# authors' code for VGG16; their code has no GoogLeNet. Whether they lower the
# rate is not known.
_base_ = [
    '../_base_/models/cam_googlenet.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    head=dict(
        type='ACoLHead',
        num_classes=1000,
        hidden_channels=(1024, 1024),
        erase_threshold=0.6,
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=6)
train_dataloader = dict(batch_size=20)
