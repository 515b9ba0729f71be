# Conformer as in the released code: its convolutional branch keeps a linear
# classifier, whose logits are added to those of the semantic maps.
_base_ = './tscam_deit-s.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TSCAMConformer',
        arch='small',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            # The authors' weights under mmpretrain's names.
            checkpoint='https://download.openmmlab.com/mmclassification/v0/conformer/'
            'conformer-small-p16_3rdparty_8xb128_in1k_20211206-3065dcf5.pth',
        ),
    ),
    head=dict(in_channels=384, pooled_channels=1024),
)
