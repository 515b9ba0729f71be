# The first ten classes of CUB-200-2011: 300 images for training, 243 for testing.
# The folder holds the files of these classes alone.
_base_ = './cub_cam.py'

train_dataloader = dict(batch_size=16)
