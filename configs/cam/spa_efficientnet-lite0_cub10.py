# SPA: its loss in the last four fifths of training, as the authors have it on CUB, and its maps at test.
_base_ = './scg_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='SPAHead', start=2))
