# SPA: its loss in the last three quarters of training, where its authors have it
# in four fifths, and its maps at test.
_base_ = './scg_efficientnet-lite0_cub10.py'

model = dict(head=dict(type='SPAHead', start=2))
