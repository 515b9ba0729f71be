_base_ = './_base_/creatures.py'
model = dict(
    backbone=dict(attention='always'),
    head=dict(_delete_=True, type='CalibratedHead', num_classes=8, in_channels=128, threshold=0.5),
)
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='LocAccuracy', protocol='tscam', map_kind='semantic', prefix='tscam-semantic'),
    dict(type='MeanIoU', protocol='tscam', prefix='mean'),
]
