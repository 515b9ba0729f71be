# I2C on CUB, for which its authors' code has no recipe: rates and batch are those for
# ILSVRC, epochs those of DANet. A reading list gives I2C's figures on CUB, which the
# paper has for VGG16, to this network. load_from is to name a CAM of this shape,
# trained with model.head.type=CAMHead train_dataloader.sampler.type=DefaultSampler.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    head=dict(type='I2CHead', hidden_channels=(1024, 1024)),
)
# Pairs of 40 classes.
train_dataloader = dict(batch_size=80, sampler=dict(type='ClassPairSampler'))
auto_scale_lr = dict(base_batch_size=80)
