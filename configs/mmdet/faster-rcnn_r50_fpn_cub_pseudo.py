# Faster R-CNN on pseudo boxes, class by class (PSOL: Zhang et al., "Rethinking
# the Route Towards Weakly Supervised Object Localization", CVPR 2020). It starts
# from ImageNet weights, because a detector of COCO has seen boxes of birds.
_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', './_base_/cub.py']

model = dict(roi_head=dict(bbox_head=dict(num_classes=200)))

# This is about the images' own size, which is 500 pixels or less.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
# The batch for which mmdet's learning rate is meant.
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        data_root=_base_.cub_root,
        ann_file='pseudo/train.json',
        data_prefix=dict(img=''),
        metainfo=_base_.cub_metainfo,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=_base_.cub_root,
        ann_file='coco/test.json',
        data_prefix=dict(img=''),
        metainfo=_base_.cub_metainfo,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.cub_root + 'coco/test.json')
test_evaluator = val_evaluator

default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=2))
