# The paper's baseline TransAttention: DeiT classifies with its class token and
# localises with its attention alone.
_base_ = './tscam_deit-s.py'

model = dict(
    head=dict(
        _delete_=True,
        type='ClassTokenHead',
        num_classes=200,
        in_channels=384,
        topk=5,
        # The same as for TS-CAM; the paper does not name one.
        threshold=0.1,
    ),
)
