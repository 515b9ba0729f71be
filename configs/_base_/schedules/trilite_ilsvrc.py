# TriLite's released rates for ILSVRC, and 20 epochs.
_base_ = './trilite_cub.py'

optim_wrapper = dict(
    optimizer=dict(lr=5e-6),
    paramwise_cfg=dict(custom_keys={'head.fc': dict(lr_mult=50)}),
)
train_cfg = dict(max_epochs=20)
auto_scale_lr = dict(base_batch_size=256)
