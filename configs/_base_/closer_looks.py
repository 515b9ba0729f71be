# A pipeline that shows half of the training images whole, and half cropped around
# their box: see configs/sat/README.md, "A second round".
closer_looks = [
    # Upright, as pseudo_label.py reads the images whose boxes it writes.
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color'),
    dict(
        type='RandomChoice',
        transforms=[
            [
                dict(type='Resize', scale=(256, 256), backend='pillow', interpolation='bilinear'),
                dict(type='mmpretrain.RandomCrop', crop_size=224),
            ],
            [
                dict(type='mmtscam.CropAroundBox'),
                dict(type='Resize', scale=(224, 224), backend='pillow', interpolation='bilinear'),
            ],
        ],
    ),
    dict(type='mmpretrain.ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
