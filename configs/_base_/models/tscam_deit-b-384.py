_base_ = './tscam_deit-b.py'

model = dict(
    backbone=dict(
        img_size=384,
        init_cfg=dict(checkpoint='https://dl.fbaipublicfiles.com/deit/deit_base_patch16_384-8de9b5d1.pth'),
    ),
    head=dict(protocol=dict(base='tscam', name='tscam-384', frame=(384, 384))),
)
