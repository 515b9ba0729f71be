# TS-CAM on the sample set, from the classifier of classifier_vit-mini_sample.py.
_base_ = [
    './_base_/models/tscam_vit-mini.py',
    './_base_/datasets/sample.py',
    './_base_/schedules/sample.py',
    './_base_/default_runtime.py',
]

model = dict(
    # A transformer trained from scratch on few images attends more narrowly than
    # DeiT, for which the default 0.1 is meant. The threshold was chosen on the
    # training images: 76.2 GT-known with 0.05, 58.8 with 0.1 (tools/test.py with
    # test_dataloader.dataset.dataset.split=train model.head.threshold=0.1).
    head=dict(threshold=0.05),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_cfg = dict(max_epochs=4, val_interval=4)
