# ILSVRC 2012: 1,281,167 images for training, 50,000 validation images for
# testing. tools/check_data/ilsvrc.py writes the lists in meta.
_base_ = './cub.py'

data_root = 'data/imagenet'
train_dataloader = dict(
    batch_size=256,
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='mmpretrain.ImageNet',
            data_root=data_root,
            data_prefix='ILSVRC/Data/CLS-LOC/train',
            ann_file='meta/train.txt',
        ),
    ),
)
val_dataloader = dict(
    batch_size=256,
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='mmpretrain.ImageNet',
            data_root=data_root,
            data_prefix='ILSVRC/Data/CLS-LOC/val',
            ann_file='meta/val.txt',
        ),
        # Every box of an image counts. If you have Kaggle's csv file alone, use
        # type='ILSVRCCSVBoxes', ann_file='LOC_val_solution.csv'.
        boxes=dict(_delete_=True, type='ILSVRCBoxes', ann_dir='ILSVRC/Annotations/CLS-LOC/val'),
    ),
)
test_dataloader = val_dataloader
