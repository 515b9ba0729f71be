_base_ = [
    '../_base_/models/scm_deit-s.py',
    '../_base_/datasets/cub_flip.py',
    '../_base_/schedules/scm_cub.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=256)
