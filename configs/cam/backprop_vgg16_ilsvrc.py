# Backprop on the whole VGG16 with its linear layers, from ImageNet weights; there
# is nothing to train. Whether the row of CAM's paper draws its boxes by graph cut
# (GrabCut) or by a threshold, and which blur and threshold it has, is not known.
_base_ = './cam_vgg16_ilsvrc.py'

model = dict(
    type='GradientClassifier',
    backbone=dict(num_classes=1000, with_last_pool=True),
    head=dict(_delete_=True, type='LogitsHead', num_classes=1000, topk=5, threshold=0.5, refine=dict(type='GrabCut')),
)
# Gradients take the memory of a training step.
val_dataloader = dict(batch_size=32)
test_dataloader = val_dataloader
