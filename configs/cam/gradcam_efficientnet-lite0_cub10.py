# Grad-CAM on the last features, for a checkpoint of CAM. With one linear layer
# after their mean it is CAM without its negative part.
_base_ = './cam_efficientnet-lite0_cub10.py'

model = dict(type='GradientClassifier', head=dict(refine=dict(type='GradCAM', layer='bn2')))
# Gradients take the memory of a training step.
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader
