# The authors' variant: up to 200 epochs, stopped on the boxes of the benchmark's
# validation images. It is not free of boxes. The authors join the best classifier
# and the best map of different epochs; here one epoch is the best.
_base_ = './trilite_dinov2-s_cub.py'

train_cfg = dict(max_epochs=200)
metadata = '../metadata/CUB/val'
val_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root='data/CUBV2', metadata=metadata),
        boxes=dict(_delete_=True, type='BenchmarkBoxes', metadata=metadata),
        # The authors validate at 224x224.
        pipeline=[
            dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
            dict(type='Resize', scale=(224, 224), backend='pillow', interpolation='bilinear'),
            dict(type='PackLocInputs'),
        ],
    ),
)
val_evaluator = [dict(type='LocAccuracy', protocol='sat'), dict(type='MaxBoxAcc', protocol='wsol-v1', step=0.005)]
default_hooks = dict(
    checkpoint=dict(save_best='wsol-v1/maxboxacc_oracle'),
    early_stopping=dict(type='EarlyStoppingHook', monitor='wsol-v1/maxboxacc_oracle', rule='greater', patience=10),
)
