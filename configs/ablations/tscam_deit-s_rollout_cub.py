# Attention Rollout (Abnar and Zuidema, ACL 2020) instead of the mean of all
# blocks. It plays no part in training, so a checkpoint of
# tscam_deit-s_cub.py can be tested with it.
_base_ = '../tscam_deit-s_cub.py'

model = dict(backbone=dict(attn_aggregation='rollout'))
