# A second round for SAT, ours: half of the training images are cropped around the
# box that the first round predicts, so that the model knows objects close by, and
# a test with --zoom looks at them so. Labels are all that is annotated.
_base_ = [
    '../_base_/models/sat_deit-s.py',
    '../_base_/datasets/cub_sat.py',
    '../_base_/closer_looks.py',
    '../_base_/schedules/sat_second_round.py',
    '../_base_/default_runtime.py',
]

load_from = 'work_dirs/sat_deit-s_cub/epoch_30.pth'
model = dict(head=dict(loss=dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original')))
train_dataloader = dict(
    dataset=dict(
        # Predicted ones, which pseudo_label.py writes into the folder of the data set.
        boxes=dict(type='COCOBoxes', ann_file='pseudo_boxes.json'),
        pipeline={{_base_.closer_looks}},
    ),
)
default_hooks = dict(
    area=dict(type='ForegroundAreaHook'),
    checkpoint=dict(save_best='sat/loc_top1'),
)
