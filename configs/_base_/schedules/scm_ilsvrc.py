# SCM's released recipe for ILSVRC. So low a rate suggests that the authors went
# on from a TS-CAM model; load_from starts from one.
_base_ = './ilsvrc_released.py'

optim_wrapper = dict(optimizer=dict(lr=1e-6))
auto_scale_lr = dict(base_batch_size=512)
