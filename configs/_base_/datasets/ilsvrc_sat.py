# ILSVRC 2012 for methods with a foreground map, scored as in cub_sat.py at the
# released code's threshold for ILSVRC.
_base_ = './ilsvrc_flip.py'

train_dataloader = dict(batch_size=512, drop_last=True)
val_evaluator = [dict(type='LocAccuracy', protocol='sat', threshold=0.3)]
test_evaluator = [
    *val_evaluator,
    dict(type='LocAccuracy', protocol='tscam', threshold=0.3),
    dict(type='LocAccuracy', protocol='tscam', threshold=0.12, map_kind='coupled', prefix='tscam-coupled'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
