# SPG as its authors have it: network, thresholds and recipe, which trains all
# layers at one rate. Only images differ: they crop 321 from 356.
_base_ = './cam_inceptionv3-spg_ilsvrc.py'

model = dict(
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
