# LCTR's released recipe for CUB. The authors train in mixed precision: --amp.
_base_ = './cub_released.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=True, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, begin=5),
]
train_cfg = dict(max_epochs=80)
auto_scale_lr = dict(base_batch_size=512)
