# DANet on InceptionV3, with maps of 25x25, 25x25 and 12x12; see danet_vgg16_cub.py.
_base_ = ['./cam_inceptionv3-danet_cub.py', '../_base_/label_trees/cub.py']

model = dict(
    backbone=dict(layers=('maxpool2', 'Mixed_5d', 'Mixed_6e')),
    head=dict(
        type='DANetHead',
        in_channels=(192, 288, 768),
        hidden_channels=(256, 384, 1024),
        num_maps=4,
        cos_weight=0.01,
        hierarchy={{_base_.label_tree}},
    ),
)
