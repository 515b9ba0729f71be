_base_ = './trilite_deit-s.py'

model = dict(
    backbone=dict(
        arch='dinov2-small',
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
        final_norm=False,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmpretrain/v1.0/dinov2/'
            'vit-small-p14_dinov2-pre_3rdparty_20230426-5641ca5a.pth',
        ),
    ),
)
