# The upper bound: the same detector and epochs with true boxes.
_base_ = './faster-rcnn_tscam-deit-t_sfp_cub10_pseudo_agnostic.py'

train_dataloader = dict(dataset=dict(ann_file='coco/train_agnostic.json'))
