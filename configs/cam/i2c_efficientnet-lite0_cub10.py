# I2C from ImageNet weights, as the other methods here; its authors start from a
# trained CAM. A batch has pairs of 8 of the ten classes.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='I2CHead'))
train_dataloader = dict(sampler=dict(type='ClassPairSampler'))
