_base_ = [
    '../_base_/models/lctr_deit-s.py',
    '../_base_/datasets/ilsvrc_lctr.py',
    '../_base_/schedules/lctr_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000, threshold=0.18))
