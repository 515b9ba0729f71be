# GC-Net with ellipses on the whole VGG16. The frozen classifier is a checkpoint of cam_vgg16_cub.py, to
# be trained first; the authors fine-tune another whole VGG16, and leave its dropout on. Their code and
# their tests disagree about epochs and the fall of the rate: here 30, along a cosine from epoch 20 on.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='GCNet',
    classifier=dict(
        type='mmpretrain.ImageClassifier',
        backbone={{_base_.model.backbone}},
        head={{_base_.model.head}},
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/cam_vgg16_cub/epoch_50.pth'),
    ),
    # Five numbers instead of 1000 classes: mmengine says that the last layer of the file is left out.
    backbone=dict(
        type='mmpretrain.VGG',
        with_last_pool=True,
        num_classes=5,
        init_cfg=dict(prefix='backbone.'),
    ),
    head=dict(_delete_=True, type='ShapeHead', num_classes=200, in_channels=None),
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='Adam', lr=1e-4),
    paramwise_cfg=dict(custom_keys={'backbone.classifier.6': dict(lr_mult=10)}),
)
param_scheduler = dict(_delete_=True, type='CosineAnnealingLR', begin=20, end=30, convert_to_iter_based=True)
train_cfg = dict(max_epochs=30)
auto_scale_lr = dict(base_batch_size=32)
