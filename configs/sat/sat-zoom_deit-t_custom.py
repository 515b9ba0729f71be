# The second round on a folder of your own images with DeiT-T.
_base_ = './sat-zoom_deit-s_custom.py'

load_from = 'work_dirs/sat_deit-t_custom/epoch_30.pth'
model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(checkpoint='https://dl.fbaipublicfiles.com/deit/deit_tiny_patch16_224-a1311bcf.pth'),
    ),
    head=dict(in_channels=192),
)
