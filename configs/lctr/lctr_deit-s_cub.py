_base_ = [
    '../_base_/models/lctr_deit-s.py',
    '../_base_/datasets/cub_lctr.py',
    '../_base_/schedules/lctr_cub.py',
    '../_base_/default_runtime.py',
]
