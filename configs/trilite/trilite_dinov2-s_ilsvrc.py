_base_ = [
    '../_base_/models/trilite_dinov2-s.py',
    '../_base_/datasets/ilsvrc_trilite.py',
    '../_base_/schedules/trilite_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000, part_dropout=0.25, token_dropout=0.25))
default_hooks = dict(checkpoint=dict(save_best='sat/loc_top1'))
