# Backprop with GrabCut's boxes, as in its paper, for a checkpoint of CAM.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(type='GradientClassifier', head=dict(refine=dict(type='GrabCut')))
# Gradients take the memory of a training step.
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader
