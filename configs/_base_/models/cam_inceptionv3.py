# CAM on InceptionV3 with maps of 28x28, the large ones of the WSOL benchmark: the
# network up to Mixed_6e, with paddings that make halves exact and no stride in Mixed_6a.
# The benchmark puts two 3x3 convolutions after it (25.7 M parameters, 20.8 G
# MACs with 200 classes); with one, as for VGG16, the size (16.3 M, 13.4 G) is
# near that of "GoogLeNet-CAM" in Table 3 of TS-CAM (16.7 M, 13.5 G).
_base_ = './cam_vgg16.py'

model = dict(
    # The weights are Google's, trained with inputs in [-1, 1]. The benchmark and
    # the authors of the methods feed them inputs with ImageNet's mean and
    # deviation, those of cam_vgg16.py.
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        _delete_=True,
        type='TruncatedBackbone',
        # The file has the auxiliary classifier too; it is cut off.
        model=dict(type='mmpretrain.InceptionV3', aux_logits=True),
        layers=('Mixed_6e',),
        modules={
            'Conv2d_1a_3x3.conv': dict(padding=(1, 1)),
            'maxpool1': dict(padding=1, ceil_mode=True),
            'maxpool2': dict(padding=1, ceil_mode=True),
            'Mixed_6a.branch3x3.conv': dict(stride=(1, 1), padding=(1, 1)),
            'Mixed_6a.branch3x3dbl_3.conv': dict(stride=(1, 1), padding=(1, 1)),
            'Mixed_6a.branch_pool': dict(stride=1, padding=1),
        },
        init_cfg=dict(
            type='Pretrained',
            # Torchvision's and mmpretrain's parameters have the same names.
            checkpoint='https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth',
        ),
    ),
    # The benchmark's initialisation for InceptionV3.
    head=dict(in_channels=768, dropout=0.5, init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform')),
)
