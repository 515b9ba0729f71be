# The second round on a folder of your own images: see sat-zoom_deit-s_cub.py.
_base_ = [
    '../_base_/models/sat_deit-s.py',
    '../_base_/datasets/custom.py',
    '../_base_/closer_looks.py',
    '../_base_/schedules/sat_second_round.py',
    '../_base_/default_runtime.py',
]

load_from = 'work_dirs/sat_deit-s_custom/epoch_30.pth'
model = dict(head=dict(loss=dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original')))
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        boxes=dict(type='COCOBoxes', ann_file='pseudo_boxes.json'),
        pipeline={{_base_.closer_looks}},
    ),
)
default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='accuracy/top1'),
)
