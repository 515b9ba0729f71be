# DANet with its authors' network, label tree and recipe. They classify with ten
# crops, draw one box around all that is above the threshold, and add the maps of
# the best family and order, not of the class's own; here none of it is done.
_base_ = ['./cam_vgg16-danet_cub.py', '../_base_/label_trees/cub.py']

model = dict(
    backbone=dict(out_indices=(2, 3, 4)),
    head=dict(
        type='DANetHead',
        # The outputs of pool3, pool4 and conv5_3.
        in_channels=(256, 512, 512),
        hidden_channels=(512, 1024, 1024),
        num_maps=8,
        cos_weight=0.01,
        hierarchy={{_base_.label_tree}},
    ),
)
