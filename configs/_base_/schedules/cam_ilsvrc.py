# As on CUB, with the epochs of the WSOL benchmark on ILSVRC.
_base_ = './cam_cub.py'

param_scheduler = dict(step_size=3)
train_cfg = dict(max_epochs=10)
