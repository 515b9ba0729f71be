# I2C on CUB, for which its authors' code has no recipe: rates and batch are those for
# ILSVRC, epochs those of DANet. load_from is to name a CAM of this shape, trained
# with model.head.type=CAMHead train_dataloader.sampler.type=DefaultSampler.
_base_ = [
    '../_base_/models/i2c_vgg16.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

# Pairs of 40 classes.
train_dataloader = dict(batch_size=80, sampler=dict(type='ClassPairSampler'))
auto_scale_lr = dict(base_batch_size=80)
