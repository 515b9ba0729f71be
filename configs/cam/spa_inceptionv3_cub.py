# SPA on InceptionV3 with the settings for VGG16, see spa_vgg16_cub.py. The layers
# by which positions are compared are ours: the authors' code for this network does
# not give what they published.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(layers=('Mixed_6d', 'Mixed_6e')),
    head=dict(
        type='SPAHead',
        hidden_channels=(1024, 1024),
        dropout=0.0,
        start=20,
        weight=0.5,
        low=0.1,
        gap=0.2,
        refine=dict(type='SelfCorrelation', levels=(0, 1), first=0.1, second=0.5, weight=2.0),
    ),
)
train_dataloader = dict(batch_size=30)
