# SPA on InceptionV3 with the settings for ILSVRC, see spa_inceptionv3_cub.py.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(layers=('Mixed_6d', 'Mixed_6e')),
    head=dict(
        type='SPAHead',
        num_classes=1000,
        hidden_channels=(1024, 1024),
        dropout=0.0,
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
