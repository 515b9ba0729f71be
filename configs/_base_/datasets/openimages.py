# OpenImages30k of the WSOL benchmark, with masks: 29,819 images for training,
# 2,500 to choose on, 5,000 for testing, 100 classes. The benchmark's lists lie
# in data/metadata/OpenImages; tools/check_data/openimages.py checks all.
_base_ = './cub.py'

data_root = 'data/OpenImages'
# The path is relative to data_root.
metadata = '../metadata/OpenImages'
train_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root=data_root, metadata=f'{metadata}/train'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root=data_root, metadata=f'{metadata}/val'),
        boxes=None,
        masks=dict(type='OpenImagesMasks', metadata=f'{metadata}/val'),
    ),
)
test_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root=data_root, metadata=f'{metadata}/test'),
        boxes=None,
        masks=dict(type='OpenImagesMasks', metadata=f'{metadata}/test'),
    ),
)
# Pixels are compared, so there are no boxes.
val_evaluator = [dict(type='PixelAP'), dict(type='mmpretrain.Accuracy', topk=(1, 5))]
test_evaluator = [
    *val_evaluator,
    dict(type='PixelAP', map_kind='attention', prefix='wsol-v2-attention'),
    dict(type='PixelAP', map_kind='semantic', prefix='wsol-v2-semantic'),
]
