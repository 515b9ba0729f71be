# DANet with maps of 28x28, 14x14 and 14x14, as on VGG16, and narrow hidden layers.
# The ten classes are of four families, each of another order.
_base_ = './cam_efficientnet-lite0_cub10.py'

families = [0, 0, 0, 1, 2, 2, 2, 2, 3, 3]  # albatrosses, cuckoos, auks, icterids
model = dict(
    backbone=dict(layers=('blocks.2', 'blocks.4', 'bn2')),
    head=dict(
        type='DANetHead',
        in_channels=(40, 112, 1280),
        hidden_channels=(128, 256, 256),
        num_maps=4,
        cos_weight=0.01,
        hierarchy=[families, families],
    ),
)
