default_scope = 'mmtscam'
# Tools of mmengine and mmdet that read the config can load its checkpoints: this
# import allows mmengine's classes in them, which PyTorch otherwise refuses.
custom_imports = dict(imports=['mmtscam'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The last two are kept, because the older one is removed before the newer is
    # written. With one alone a kill in between would leave none to resume.
    checkpoint=dict(
        type='CheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_last=True,
        save_best='tscam/loc_top1',
        rule='greater',
        backend_args=dict(backend='atomic_local'),
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='LocVisualizationHook', draw=False),
    report=dict(type='LocReportHook'),
)

custom_hooks = [
    dict(type='EpochSeedHook'),
    dict(type='LabelCheckHook'),
    dict(type='StrictCheckpointHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)

visualizer = dict(
    type='LocVisualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)

log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False

# The released code's seed.
randomness = dict(seed=26, deterministic=False)
