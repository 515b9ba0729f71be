# A schedule that is enough for the sample set and takes a few minutes on two CPU cores.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        flat_decay_mult=0.0,
        custom_keys={'cls_token': dict(decay_mult=0.0), 'pos_embed': dict(decay_mult=0.0)},
    ),
)
param_scheduler = [
    # A run of fewer than 60 iterations stays in this warm-up, and learns next to nothing.
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=60),
    dict(type='CosineAnnealingLR', by_epoch=True, eta_min_ratio=0.01, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=8, val_interval=8)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=32)
