# The paper's row for "GoogLeNet" seems to be InceptionV3:
# cam_inceptionv3-danet_cub.py.
_base_ = [
    '../_base_/models/cam_googlenet.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_cub.py',
    '../_base_/default_runtime.py',
]
