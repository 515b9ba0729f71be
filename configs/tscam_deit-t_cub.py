_base_ = [
    './_base_/models/tscam_deit-t.py',
    './_base_/datasets/cub.py',
    './_base_/schedules/cub_paper.py',
    './_base_/default_runtime.py',
]
