_base_ = [
    '../_base_/models/transattention_deit-s.py',
    '../_base_/datasets/cub.py',
    '../_base_/schedules/cub_paper.py',
    '../_base_/default_runtime.py',
]

# Its attention is the only map.
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
