_base_ = './_base_/creatures.py'
model = dict(
    backbone=dict(type='SpatialTokenDeiT'),
    head=dict(_delete_=True, type='ForegroundHead', num_classes=8, in_channels=128, protocol='sat'),
)
test_evaluator = [
    dict(type='LocAccuracy', protocol='sat'),
    dict(type='MeanIoU', protocol='sat', map_kind='attention', prefix='mean-attention'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
