# RTMDet-tiny on pseudo boxes, see faster-rcnn_r50_fpn_cub_pseudo.py. It has a
# fifth of the epochs on COCO, and the learning rate for one GPU instead of eight.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', './_base_/cub.py']

model = dict(bbox_head=dict(num_classes=200))

train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        data_root=_base_.cub_root,
        ann_file='pseudo/train.json',
        data_prefix=dict(img=''),
        metainfo=_base_.cub_metainfo,
    ),
)
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        data_root=_base_.cub_root,
        ann_file='coco/test.json',
        data_prefix=dict(img=''),
        metainfo=_base_.cub_metainfo,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.cub_root + 'coco/test.json')
test_evaluator = val_evaluator

base_lr = 0.0005
max_epochs = 60
stage2_num_epochs = 10
train_cfg = dict(max_epochs=max_epochs, dynamic_intervals=[(max_epochs - stage2_num_epochs, 1)])
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-5, by_epoch=False, begin=0, end=500),
    dict(
        type='CosineAnnealingLR',
        eta_min=base_lr * 0.05,
        begin=max_epochs // 2,
        end=max_epochs,
        T_max=max_epochs // 2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=2))
custom_hooks = [
    _base_.custom_hooks[0],  # moving average of the weights
    dict(
        type='PipelineSwitchHook',
        switch_epoch=max_epochs - stage2_num_epochs,
        switch_pipeline=_base_.train_pipeline_stage2,
    ),
]
