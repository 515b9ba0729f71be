# TriLite's released recipe for CUB, with a fixed number of epochs in place of
# early stopping on boxes: ours, so that no box plays a part in training.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=5e-5, eps=1e-8, betas=(0.9, 0.999), weight_decay=0.01),
    # The classifier on the class token learns ten times as fast.
    paramwise_cfg=dict(custom_keys={'head.fc': dict(lr_mult=10)}),
)
param_scheduler = []
train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=128)
