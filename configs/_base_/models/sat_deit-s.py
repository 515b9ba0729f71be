_base_ = './tscam_deit-s.py'

model = dict(
    backbone=dict(type='SATDeiT', gated_blocks=3),
    head=dict(
        type='SATHead',
        # The share of an image that objects fill on average: the released code's
        # value on CUB, whose boxes fill more, since they hold background too.
        area=0.25,
        init='default',
        map_kind='foreground',
        protocol='sat',
        threshold=0.4,
    ),
)
