# Backprop, for a checkpoint of CAM. The blur, of 4 pixels, is ours.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(type='GradientClassifier', head=dict(refine=dict(type='InputGradient', blur=4.0)))
# Gradients take the memory of a training step.
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader
