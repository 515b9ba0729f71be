# SCM's released recipe for CUB: its first step of the learning rate comes after
# the last epoch, so the rate is constant.
_base_ = './cub_released.py'

param_scheduler = []
train_cfg = dict(max_epochs=30)
auto_scale_lr = dict(base_batch_size=256)
