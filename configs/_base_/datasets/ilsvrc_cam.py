# ILSVRC 2012 for networks without attention, whose only maps are class
# activation maps. The batch size is that of the WSOL benchmark.
_base_ = './ilsvrc_flip.py'

train_dataloader = dict(batch_size=32)
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
