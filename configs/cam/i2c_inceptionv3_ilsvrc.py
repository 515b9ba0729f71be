# I2C with the settings of its authors' code. They shorten images to 256 on their
# shorter side, which is not done here. load_from is to name a CAM of this shape, such as
# that of cam_inceptionv3-spg_ilsvrc.py.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    head=dict(type='I2CHead', num_classes=1000, hidden_channels=(1024, 1024)),
)
param_scheduler = dict(milestones=[2, 3, 4])
train_cfg = dict(max_epochs=5)
# Pairs of 40 classes.
train_dataloader = dict(batch_size=80, sampler=dict(type='ClassPairSampler'))
auto_scale_lr = dict(base_batch_size=80)
