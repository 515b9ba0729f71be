# I2C with the settings of its authors' code. They shorten images to 256 on their
# shorter side, which is not done here. load_from is to name a CAM of this shape, trained
# with model.head.type=CAMHead train_dataloader.sampler.type=DefaultSampler.
_base_ = [
    '../_base_/models/i2c_vgg16.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000))
param_scheduler = dict(milestones=[2, 3, 4])
train_cfg = dict(max_epochs=5)
# Pairs of 40 classes.
train_dataloader = dict(batch_size=80, sampler=dict(type='ClassPairSampler'))
auto_scale_lr = dict(base_batch_size=80)
