# The CAM of DANet's authors, with maps of 12x12, two convolutions of 1024 and
# their recipe. The paper's row for "GoogLeNet" on CUB seems to quote it. They
# classify with ten crops and draw one box around all that is above the
# threshold; here neither is done.
_base_ = [
    '../_base_/models/cam_inceptionv3.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # These authors feed inputs with ImageNet's mean and deviation.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # Mixed_6a keeps its stride, and only the first convolution is padded.
    backbone=dict(modules={'_delete_': True, 'Conv2d_1a_3x3.conv': dict(padding=(1, 1))}),
    head=dict(hidden_channels=(1024, 1024), dropout=0.0),
)
train_dataloader = dict(batch_size=30)
