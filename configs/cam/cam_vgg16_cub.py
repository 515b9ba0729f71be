# Table 3 of the paper has this network. The row of Table 1 has two convolutions:
# cam_vgg16-danet_cub.py.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_cub.py',
    '../_base_/default_runtime.py',
]
