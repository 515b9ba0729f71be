# The released code's recipe for CUB, where it differs from the paper's.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=5e-5, eps=1e-8, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        # No decay on biases and 1-D parameters, the class token and the
        # position embedding.
        flat_decay_mult=0.0,
        custom_keys={'cls_token': dict(decay_mult=0.0), 'pos_embed': dict(decay_mult=0.0)},
    ),
)
# The 30th and the 60th epoch already run at the lower rate, so they come after
# 29 and 59.
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[29, 59], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=128)
