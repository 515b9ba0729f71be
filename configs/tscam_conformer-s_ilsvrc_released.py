_base_ = [
    './_base_/models/tscam_conformer-s.py',
    './_base_/datasets/ilsvrc_flip.py',
    './_base_/schedules/ilsvrc_released.py',
    './_base_/default_runtime.py',
]

model = dict(
    head=dict(
        num_classes=1000,
        threshold=0.12,
        init='conformer',
        # The convolutional branch keeps its classifier.
        init_classifier={{_base_.model.backbone.init_cfg.checkpoint}},
    ),
)
# The released config's batch for Conformer.
train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=128)
