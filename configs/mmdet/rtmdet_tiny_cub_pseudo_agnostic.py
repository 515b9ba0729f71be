# The same as rtmdet_tiny_cub_pseudo.py with every box of the one category "object".
_base_ = './rtmdet_tiny_cub_pseudo.py'

model = dict(bbox_head=dict(num_classes=1))

agnostic = dict(classes=('object',), palette=[(220, 20, 60)])
train_dataloader = dict(dataset=dict(ann_file='pseudo/train_agnostic.json', metainfo=agnostic))
val_dataloader = dict(dataset=dict(ann_file='coco/test_agnostic.json', metainfo=agnostic))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='data/CUB_200_2011/coco/test_agnostic.json')
test_evaluator = val_evaluator
