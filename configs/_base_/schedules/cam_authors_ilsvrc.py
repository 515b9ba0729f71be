# The schedule for CUB with SPG's epochs and batch on ILSVRC. Whether SPG lowers
# the rate is not known, so the rate is constant.
_base_ = './cam_authors.py'

param_scheduler = []
train_cfg = dict(max_epochs=5)
auto_scale_lr = dict(base_batch_size=20)
