# CAM on VGG16 as in the WSOL benchmark and the released code of TS-CAM: the
# network up to conv5_3, without the last pooling, then a 3x3 convolution.
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
        type='CAMVGG',
        depth=16,
        with_last_pool=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/vgg/'
            'vgg16_batch256_imagenet_20210208-db26f1a5.pth',
        ),
    ),
    head=dict(
        type='CAMHead',
        num_classes=200,
        in_channels=512,
        hidden_channels=(1024,),
        topk=5,
        # The default for CAM in the released code of TS-CAM; its paper does
        # not name one.
        threshold=0.2,
    ),
)
