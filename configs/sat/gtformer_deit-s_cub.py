# GTFormer, the first stage of Pro2SAM: SAT with four tokens made from the image.
_base_ = './sat_deit-s_cub.py'

model = dict(backbone=dict(spatial_tokens='image'))
