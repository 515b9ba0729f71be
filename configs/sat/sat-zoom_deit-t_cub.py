_base_ = './sat-zoom_deit-s_cub.py'

load_from = 'work_dirs/sat_deit-t_cub/epoch_30.pth'
model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(checkpoint='https://dl.fbaipublicfiles.com/deit/deit_tiny_patch16_224-a1311bcf.pth'),
    ),
    head=dict(in_channels=192),
)
