# The released code's recipe for ILSVRC, where it differs from the paper's.
_base_ = './cub_released.py'

optim_wrapper = dict(optimizer=dict(lr=5e-4))
# The rate is lower from the 10th, 12th and 20th epoch on.
param_scheduler = dict(milestones=[9, 11, 19])
train_cfg = dict(max_epochs=20)
auto_scale_lr = dict(base_batch_size=256)
