# MEIL erases where EIL does, and in the last features.
_base_ = './eil_efficientnet-lite0_cub10.py'

model = dict(backbone=dict(layers=('blocks.5.0.bn1', 'bn2')))
