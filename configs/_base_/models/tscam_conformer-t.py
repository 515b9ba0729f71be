_base_ = './tscam_conformer-s.py'

model = dict(
    backbone=dict(
        arch='tiny',
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmclassification/v0/conformer/'
            'conformer-tiny-p16_3rdparty_8xb128_in1k_20211206-f6860372.pth',
        ),
    ),
    head=dict(pooled_channels=256),
)
