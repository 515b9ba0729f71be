# SAT's released recipe for ILSVRC: one epoch is enough, as the authors say.
_base_ = './sat_cub.py'

optim_wrapper = dict(optimizer=dict(lr=1.5e-5))
train_cfg = dict(max_epochs=1)
auto_scale_lr = dict(base_batch_size=512)
