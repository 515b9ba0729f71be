# CAM on GoogLeNet as in Zhou et al. (CVPR 2016): the network up to inception4e,
# whose maps are 14x14, then a 3x3 convolution.
_base_ = './cam_vgg16.py'

model = dict(
    # Torchvision's weights were trained with inputs in [-1, 1]. Authors of later
    # methods feed them inputs with ImageNet's mean and deviation, those of
    # cam_vgg16.py.
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        _delete_=True,
        type='TruncatedBackbone',
        # The file has the auxiliary classifiers too; they are cut off.
        model=dict(type='torchvision.models.GoogLeNet', aux_logits=True, init_weights=False),
        layers=('inception4e',),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/googlenet-1378be20.pth',
        ),
    ),
    head=dict(in_channels=832),
)
