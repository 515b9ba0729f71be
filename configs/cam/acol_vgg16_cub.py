# ACoL on the backbone of CAM: the original's overlapping 3x3 poolings are left
# out.
_base_ = './cam_vgg16_cub.py'

model = dict(head=dict(type='ACoLHead', hidden_channels=(1024, 1024), erase_threshold=0.7))
