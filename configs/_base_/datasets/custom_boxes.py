# Your own images with boxes of the test images in COCO's format, in
# data/images/annotations/test.json. File names are relative to
# data/images/test, and categories have the names of the class folders.
# tools/check_data/custom.py checks them.
_base_ = './custom.py'

val_dataloader = dict(
    dataset=dict(
        boxes=dict(_delete_=True, type='COCOBoxes', ann_file='annotations/test.json', img_prefix='test'),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='LocAccuracy', protocol='tscam')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', map_kind='attention', prefix='tscam-attention'),
    dict(type='LocAccuracy', protocol='tscam', map_kind='semantic', prefix='tscam-semantic'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
