# A vision transformer small enough to be trained from scratch on a CPU.
_base_ = './tscam_deit-s.py'

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4, feedforward_channels=512),
        img_size=80,
        patch_size=8,
        drop_path_rate=0.0,
        # The last checkpoint of training classifier_vit-mini_sample.py.
        init_cfg=dict(checkpoint='work_dirs/classifier_vit-mini_sample/epoch_8.pth'),
    ),
    head=dict(num_classes=8, in_channels=128),
)
