# CUB-200-2011 as in the WSOL benchmark. Thresholds and the best epoch are chosen
# on CUBV2, 1,000 other images of the same classes, which lie in
# data/CUBV2/CLASS/. The benchmark's lists lie in data/metadata/CUB.
_base_ = './cub.py'

# The path is relative to the data_root of the images.
metadata = '../metadata/CUB/val'
val_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root='data/CUBV2', metadata=metadata),
        boxes=dict(_delete_=True, type='BenchmarkBoxes', metadata=metadata),
    ),
)
