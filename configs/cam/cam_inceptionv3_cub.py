_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_cub.py',
    '../_base_/default_runtime.py',
]
