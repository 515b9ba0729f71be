# ACoL with hidden layers of 256 channels: 1280 go into them, where VGG16 has 512.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='ACoLHead', hidden_channels=(256, 256), erase_threshold=0.7))
# Layers of its own learn at the authors' rate. At ten times the backbone's, CAM's, they
# have not learned the classes after 8 epochs.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=1))))
