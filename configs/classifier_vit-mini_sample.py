# A plain classifier on the sample set: mmpretrain's vision transformer with
# its class-token head. TS-CAM's own loss does not train the class token
# directly, so TS-CAM starts from a classifier, here as in the paper.
_base_ = [
    './_base_/models/tscam_vit-mini.py',
    './_base_/datasets/sample.py',
    './_base_/schedules/sample.py',
    './_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch={{_base_.model.backbone.arch}},
        img_size=80,
        patch_size=8,
    ),
    head=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=8,
        in_channels=128,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
    ),
)
default_hooks = dict(checkpoint=dict(save_best='accuracy/top1'))
val_evaluator = dict(_delete_=True, type='mmpretrain.Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
