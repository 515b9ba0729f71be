# ILSVRC 2012 with the augmentation of LCTR's authors, see
# ../augmentation/lctr.py. They score the centre crop of a test image; here it is scored whole.
_base_ = ['./ilsvrc.py', '../augmentation/lctr.py']

train_pipeline = {{_base_.lctr_pipeline}}
train_dataloader = dict(
    batch_size=1024,
    # Three copies of an image a round, each augmented otherwise.
    sampler=dict(_delete_=True, type='mmpretrain.RepeatAugSampler', num_repeats=3, shuffle=True),
    dataset=dict(pipeline={{_base_.lctr_pipeline}}),
)
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='LocAccuracy', protocol='tscam', map_kind='propagated', prefix='tscam-propagated'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
