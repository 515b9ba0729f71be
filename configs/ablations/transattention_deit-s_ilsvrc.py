_base_ = [
    '../_base_/models/transattention_deit-s.py',
    '../_base_/datasets/ilsvrc.py',
    '../_base_/schedules/ilsvrc_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(
    head=dict(
        num_classes=1000,
        threshold=0.12,
        # DeiT's own classifier has these classes.
        init_classifier={{_base_.model.backbone.init_cfg.checkpoint}},
    ),
)
# Its attention is the only map.
test_evaluator = [
    dict(type='LocAccuracy', protocol='tscam'),
    dict(type='MaxBoxAcc', protocol='wsol-v2'),
]
