# ACoL with hidden layers of 256 channels: 1280 go into them, where VGG16 has 512.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='ACoLHead', hidden_channels=(256, 256), erase_threshold=0.7))
