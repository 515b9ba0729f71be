# SPA with the settings of its authors' code for ILSVRC, see spa_vgg16_cub.py.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(out_indices=(3, 4)),
    head=dict(
        type='SPAHead',
        num_classes=1000,
        hidden_channels=(1024, 1024),
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
        start=5,
        weight=0.5,
        low=0.4,
        gap=0.1,
        refine=dict(type='SelfCorrelation', levels=(0, 1), first=0.2, second=0.2, weight=1.0),
    ),
)
param_scheduler = dict(milestones=[10, 15])
train_cfg = dict(max_epochs=20)
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)
