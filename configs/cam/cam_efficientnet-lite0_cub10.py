_base_ = [
    '../_base_/models/cam_efficientnet-lite0.py',
    '../_base_/datasets/cub10_cam.py',
    '../_base_/schedules/cam_cub10.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=10))
