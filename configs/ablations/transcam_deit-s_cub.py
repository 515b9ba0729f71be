# TransCAM is trained as TS-CAM and localises with the semantic map alone. A
# checkpoint of tscam_deit-s_cub.py can be tested with it.
_base_ = '../tscam_deit-s_cub.py'

model = dict(head=dict(map_kind='semantic'))
