# TransCAM is trained as TS-CAM and localises with the semantic map alone. A
# checkpoint of tscam_deit-s_ilsvrc.py can be tested with it.
_base_ = '../tscam_deit-s_ilsvrc.py'

model = dict(head=dict(map_kind='semantic'))
