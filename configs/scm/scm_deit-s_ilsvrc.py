_base_ = [
    '../_base_/models/scm_deit-s.py',
    '../_base_/datasets/ilsvrc_flip.py',
    '../_base_/schedules/scm_ilsvrc.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=1000, threshold=0.12))
train_dataloader = dict(batch_size=512)
