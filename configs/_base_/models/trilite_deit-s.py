_base_ = './tscam_deit-s.py'

model = dict(
    # A backbone that does not learn. The authors' code takes a DeiT's tokens after the final norm.
    backbone=dict(drop_path_rate=0.0, frozen_stages=12),
    head=dict(
        _delete_=True,
        type='TriLiteHead',
        num_classes=200,
        in_channels=384,
        part_dropout=0.5,
        token_dropout=0.5,
        topk=5,
        protocol='sat',
        threshold=0.4,
    ),
)
