# SPA with the recipe of its authors' code: its loss from epoch 20 on, and its
# maps at test, from the outputs of pool4 and conv5_3. They classify with ten
# crops and draw one box around all that is above the threshold; here neither is done.
_base_ = './cam_vgg16-danet_cub.py'

model = dict(
    backbone=dict(out_indices=(3, 4)),
    head=dict(
        type='SPAHead',
        start=20,
        weight=0.5,
        low=0.1,
        gap=0.2,
        refine=dict(type='SelfCorrelation', levels=(0, 1), first=0.1, second=0.5, weight=2.0),
    ),
)
