_base_ = [
    '../_base_/models/cam_resnet50.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_cub.py',
    '../_base_/default_runtime.py',
]

# The benchmark trains ResNet50's last stage as fast as its classifier.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone.layer4': dict(lr_mult=10)}))
