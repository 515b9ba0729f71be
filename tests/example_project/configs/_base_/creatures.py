_base_ = 'mmtscam::_base_/../tscam_vit-mini_sample.py'
custom_imports = dict(imports=['mmtscam', 'methods'])
images = dict(_delete_=True, type='ListedImages', data_root='data')
train_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(dataset=dict(**images, ann_file='train.txt')))
val_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(dataset=dict(**images, ann_file='val.txt')))
test_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(dataset=dict(**images, ann_file='test.txt')))
model = dict(backbone=dict(arch=dict(num_layers=2), init_cfg=None))
train_cfg = dict(max_epochs=1, val_interval=1)
