model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(
        type='mmpretrain.ClsDataPreprocessor',
        # Mean and deviation of ImageNet, in RGB.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='TSCAMDeiT',
        arch='deit-small',
        img_size=224,
        patch_size=16,
        # The released code's value; the paper does not name one.
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://dl.fbaipublicfiles.com/deit/deit_small_patch16_224-cd65a155.pth',
        ),
    ),
    head=dict(
        type='TSCAMHead',
        num_classes=200,
        in_channels=384,
        init='he',
        map_kind='coupled',
        topk=5,
        # The released code's value on CUB; the paper does not name one.
        threshold=0.1,
    ),
)
