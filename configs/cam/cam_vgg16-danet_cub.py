# The CAM of DANet's authors, with two convolutions of 1024 and their recipe. The
# paper's row for VGG16 on CUB seems to quote it. They classify with ten crops
# and draw one box around all that is above the threshold; here neither is done.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/cub_cam.py',
    '../_base_/schedules/cam_authors.py',
    '../_base_/default_runtime.py',
]

model = dict(
    head=dict(
        hidden_channels=(1024, 1024),
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='uniform'),
    ),
)
train_dataloader = dict(batch_size=30)
