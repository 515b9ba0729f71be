# MEIL: streams erased after pool4 and after conv5_3. The authors' code has one
# stream alone. The weight of several is not known, and 1 is ours.
_base_ = './eil_vgg16_cub.py'

model = dict(backbone=dict(layers=('features.13', 'features.16')))
