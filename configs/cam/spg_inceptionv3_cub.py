# SPG's network, thresholds and rates as its authors have them on ILSVRC; their
# paper calls the network GoogLeNet. Their recipe for CUB is not known, so
# epochs and batch are those of DANet.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(layers=('Mixed_5d', 'Mixed_6d', 'Mixed_6e')),
    head=dict(
        type='SPGHead',
        # B1 looks at Mixed_5d, B2 at Mixed_6d, and A goes on from Mixed_6e.
        in_channels=(288, 768, 768),
        hidden_channels=(1024, 1024),
        guide_channels=512,
        stride=8,
        thresholds=((0.7, 0.05), (0.5, 0.05), (0.7, 0.1)),
    ),
)
# Their code trains all layers at one rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=1)}))
train_dataloader = dict(batch_size=30)
