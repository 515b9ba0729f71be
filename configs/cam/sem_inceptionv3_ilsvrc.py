# Self-enhancement maps on the network of SEM's authors, of a checkpoint of
# cam_inceptionv3-spg_ilsvrc.py too. They test at larger sizes of input.
_base_ = './cam_inceptionv3-spg_ilsvrc.py'

model = dict(head=dict(refine=dict(type='SelfEnhancement')))
