_base_ = [
    './_base_/models/tscam_deit-s.py',
    './_base_/datasets/ilsvrc_flip.py',
    './_base_/schedules/ilsvrc_released.py',
    './_base_/default_runtime.py',
]

model = dict(
    head=dict(
        num_classes=1000,
        threshold=0.12,
        init='default',
        # The bias of the convolution starts from that of DeiT's classifier.
        init_classifier={{_base_.model.backbone.init_cfg.checkpoint}},
    ),
)
