_base_ = [
    '../_base_/models/cam_resnet50.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000))
# The benchmark trains ResNet50's last stage as fast as its classifier.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone.layer4': dict(lr_mult=10)}))
