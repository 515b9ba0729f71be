# SAT's released recipe for CUB. It computes a cosine schedule and never applies
# it, so the learning rate is constant. Weight decay is off for biases and 1-D
# parameters alone: tokens and position embeddings have it, as they have there.
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-4, eps=1e-8, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(flat_decay_mult=0.0),
)
param_scheduler = []
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=1)
val_cfg = dict(type='LocValLoop')
test_cfg = dict(type='LocTestLoop')
auto_scale_lr = dict(base_batch_size=256)
