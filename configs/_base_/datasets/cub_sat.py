# CUB-200-2011 for methods with a foreground map, which is scored by SAT's rules,
# and by TS-CAM's at the same threshold. The released code resizes a test image to
# 256x256 and scores the centre crop of 224x224; here it is scored whole.
_base_ = './cub_flip.py'

train_dataloader = dict(batch_size=256)
val_evaluator = [dict(type='LocAccuracy', protocol='sat')]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.4),
    dict(type='LocAccuracy', protocol='tscam', threshold=0.1, map_kind='coupled', prefix='tscam-coupled'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
