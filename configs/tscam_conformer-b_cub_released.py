_base_ = [
    './_base_/models/tscam_conformer-b.py',
    './_base_/datasets/cub_flip.py',
    './_base_/schedules/cub_released.py',
    './_base_/default_runtime.py',
]

model = dict(head=dict(init='conformer'))
