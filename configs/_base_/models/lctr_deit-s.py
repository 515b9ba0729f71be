_base_ = './tscam_deit-s.py'

model = dict(
    backbone=dict(type='LCTRDeiT', attention='always'),
    # The released code's threshold on CUB.
    head=dict(_delete_=True, type='LCTRHead', num_classes=200, in_channels=384, topk=5, threshold=0.09),
)
