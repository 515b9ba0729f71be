# The paper's recipe for ILSVRC: AdamW, constant learning rate, 12 epochs, batch 256.
_base_ = './cub_paper.py'

optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=12)
auto_scale_lr = dict(base_batch_size=256)
