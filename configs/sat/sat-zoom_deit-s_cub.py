# A second round for SAT, ours: half of the training images are cropped around the
# box that the first round predicts, so that the model knows objects close by, and
# tools/test.py --zoom looks at them so. Labels are all that is annotated.
_base_ = './sat_deit-s_cub.py'

load_from = 'work_dirs/sat_deit-s_cub/epoch_30.pth'
model = dict(head=dict(loss=dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original')))

whole_image = [
    dict(type='Resize', scale=(256, 256), backend='pillow', interpolation='bilinear'),
    dict(type='mmpretrain.RandomCrop', crop_size=224),
]
closer_look = [
    dict(type='mmtscam.CropAroundBox'),
    dict(type='Resize', scale=(224, 224), backend='pillow', interpolation='bilinear'),
]
train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='RandomChoice', transforms=[whole_image, closer_look]),
    dict(type='mmpretrain.ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
train_dataloader = dict(
    dataset=dict(
        # Predicted boxes: pseudo_label.py writes them into the folder of the data set.
        boxes=dict(type='COCOBoxes', ann_file='pseudo_boxes.json'),
        pipeline=train_pipeline,
    ),
)

optim_wrapper = dict(optimizer=dict(lr=5e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', T_max=16, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=16)
