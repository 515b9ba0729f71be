# Your own images: data/images/{train,test}/CLASS/*.jpg, one folder a class,
# the same classes in both; tools/check_data/custom.py checks them.
# There are no true boxes, so classification accuracy alone is measured.
_base_ = './cub_flip.py'

data_root = 'data/images'
train_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='mmpretrain.CustomDataset', data_root=data_root, data_prefix='train'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='mmpretrain.CustomDataset', data_root=data_root, data_prefix='test'),
        boxes=None,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='mmpretrain.Accuracy', topk=(1,))]
test_evaluator = val_evaluator
