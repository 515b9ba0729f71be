# The schedule for CUB, with the epochs of the WSOL benchmark on ILSVRC.
_base_ = './cam_cub.py'

param_scheduler = dict(milestones=[2, 5, 8])
train_cfg = dict(max_epochs=10)
