_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000))
