# GC-Net with ellipses on the whole InceptionV3, the row of Table 2. The frozen classifier is
# torchvision's. Inputs are in [-1, 1], as for its weights, so what is removed is mid-grey and not
# the mean colour. Epochs and rate: see gcnet_vgg16_cub.py.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

network = dict(type='mmpretrain.InceptionV3', aux_logits=False)
weights = {{_base_.model.backbone.init_cfg}}
model = dict(
    type='GCNet',
    classifier=dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(type='TruncatedBackbone', model=network, layers=('Mixed_7c',)),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head=dict(
            type='mmpretrain.LinearClsHead',
            num_classes=1000,
            in_channels=2048,
            loss=dict(type='mmpretrain.CrossEntropyLoss'),
        ),
        init_cfg=weights,
    ),
    backbone=dict(_delete_=True, type='TruncatedBackbone', model=network, layers=('Mixed_7c',), init_cfg=weights),
    head=dict(_delete_=True, type='ShapeHead', num_classes=1000, in_channels=2048),
)
train_pipeline = [
    dict(type='LoadResizedImage', scale=(299, 299)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLocInputs'),
]
test_pipeline = [dict(type='LoadResizedImage', scale=(299, 299)), dict(type='PackLocInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-4))
param_scheduler = dict(_delete_=True, type='CosineAnnealingLR', begin=20, end=30, convert_to_iter_based=True)
train_cfg = dict(max_epochs=30)
auto_scale_lr = dict(base_batch_size=32)
