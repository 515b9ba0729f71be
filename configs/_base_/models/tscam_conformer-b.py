_base_ = './tscam_conformer-s.py'

model = dict(
    backbone=dict(
        arch='base',
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmclassification/v0/conformer/'
            'conformer-base-p16_3rdparty_8xb128_in1k_20211206-bfdf8637.pth',
        ),
    ),
    head=dict(in_channels=576, pooled_channels=1536),
)
