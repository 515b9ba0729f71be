# DANet on InceptionV3, the paper's "GoogLeNet" row; see danet_inceptionv3_cub.py.
# The authors published no label tree and no recipe for ILSVRC: the tree is ours,
# and epochs and batch are SPG's.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors_ilsvrc.py',
    '../_base_/default_runtime.py',
    '../_base_/label_trees/ilsvrc.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(
        layers=('maxpool2', 'Mixed_5d', 'Mixed_6e'),
        # Mixed_6a keeps its stride, and only the first convolution is padded.
        modules={'_delete_': True, 'Conv2d_1a_3x3.conv': dict(padding=(1, 1))},
    ),
    head=dict(
        type='DANetHead',
        num_classes=1000,
        in_channels=(192, 288, 768),
        hidden_channels=(256, 384, 1024),
        dropout=0.0,
        num_maps=4,
        cos_weight=0.01,
        hierarchy={{_base_.label_tree}},
    ),
)
train_dataloader = dict(batch_size=20)
