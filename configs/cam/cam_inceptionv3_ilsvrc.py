# The network that is as large as the paper's "GoogLeNet-CAM". The row of Table 2
# has two convolutions: cam_inceptionv3-spg_ilsvrc.py.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000))
