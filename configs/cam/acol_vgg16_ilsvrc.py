# ACoL with the threshold and the recipe of its authors, on the backbone of CAM:
# their overlapping poolings and the average pooling before both classifiers are
# left out. Whether they lower the rate is not known.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(
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
