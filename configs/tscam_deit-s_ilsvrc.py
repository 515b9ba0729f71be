_base_ = [
    './_base_/models/tscam_deit-s.py',
    './_base_/datasets/ilsvrc.py',
    './_base_/schedules/ilsvrc_paper.py',
    './_base_/default_runtime.py',
]

# The threshold is the released code's on ILSVRC; the paper does not name one.
model = dict(head=dict(num_classes=1000, threshold=0.12))
