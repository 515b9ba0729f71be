# The CAM of SPG's authors ("SPG-plain"), with two convolutions of 1024. The
# paper's row for InceptionV3 on ILSVRC seems to quote it. The recipe is that of
# their code for SPG, which trains all layers at one rate. Only images differ:
# they crop 321 from 356.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/ilsvrc_cam.py',
    '../_base_/schedules/cam_authors_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    head=dict(num_classes=1000, hidden_channels=(1024, 1024)),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=1)}))
train_dataloader = dict(batch_size=20)
