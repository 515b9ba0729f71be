# TS-CAM on a folder of your own images with boxes of the test images; set
# model.head.num_classes to the number of your classes.
_base_ = [
    './_base_/models/tscam_deit-s.py',
    './_base_/datasets/custom_boxes.py',
    './_base_/schedules/cub_released.py',
    './_base_/default_runtime.py',
]

model = dict(head=dict(init='default'))
