# The schedule for CUB, shortened for its first ten classes.
_base_ = './cam_cub.py'

# 'head' is in the name of this layer of EfficientNet-Lite0 too.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone.conv_head': dict(lr_mult=1)}))
param_scheduler = dict(milestones=[6])
train_cfg = dict(max_epochs=8, val_interval=8)
auto_scale_lr = dict(base_batch_size=16)
