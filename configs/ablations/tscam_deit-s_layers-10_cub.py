# Table 7: class attention of the first 10 blocks. It plays no part in training,
# so a checkpoint of tscam_deit-s_cub.py can be tested with it.
_base_ = '../tscam_deit-s_cub.py'

model = dict(backbone=dict(attn_layers=list(range(10))))
