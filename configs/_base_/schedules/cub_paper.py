# The paper's recipe for CUB: AdamW, constant learning rate, 60 epochs, batch 128.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=5e-5, eps=1e-8, betas=(0.9, 0.99), weight_decay=5e-4),
)
param_scheduler = []
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=128)
