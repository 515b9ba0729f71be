# CUB-200-2011 with the validation images of the WSOL benchmark. Thresholds and
# the best epoch are chosen on CUBV2, 1,000 other images of the same classes. They
# lie in data/CUBV2/CLASS/, the benchmark's lists in data/metadata/CUB.
_base_ = './cub.py'

# Relative to the data_root of the images.
metadata = '../metadata/CUB/val'
val_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='WSOLBenchmark', data_root='data/CUBV2', metadata=metadata),
        boxes=dict(_delete_=True, type='BenchmarkBoxes', metadata=metadata),
    ),
)
