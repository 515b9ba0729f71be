# Methods on the first ten classes of CUB-200-2011, three seeds each:
#   python tools/analysis/compare_methods.py configs/comparisons/cub10.py
# CNN methods share a network and a recipe; each starts from ImageNet weights.
# Thresholds are fixed beforehand. "oracle" chooses them on the test images.
# Configs are named relative to this file.
title = (
    'First ten classes of CUB-200-2011, 243 test images, last epoch, percent, and images in the last five columns; '
    'mean of the seeds (least to greatest). '
    'Boxes are drawn by the rules of TS-CAM at a fixed threshold, but for the columns that say oracle.'
)
seeds = (26, 27, 28)
columns = {
    'Cls Top-1': '{protocol}/cls_top1',
    'Top-1 Loc': '{protocol}/loc_top1',
    'GT-known Loc': '{protocol}/gt_known',
    'GT-known Loc, oracle': 'wsol-v2/maxboxacc_iou50_oracle',
    'MaxBoxAccV2, oracle': 'wsol-v2/maxboxacc_oracle',
    'wrong class': '{protocol}/outcome_classification',
    'right': '{protocol}/outcome_right',
    'part': '{protocol}/outcome_part',
    'more': '{protocol}/outcome_more',
    'other': '{protocol}/outcome_other',
}

cam = '../cam/{}_efficientnet-lite0_cub10.py'
tscam = '../tscam_deit-t_cub_released.py'
ten = {'model.head.num_classes': 10}
tscam_options = {**ten, 'train_dataloader.batch_size': 16, 'train_cfg.max_epochs': 20}
# Maps from gradients have the threshold of CAM, and take the memory of a training step.
gradients = {
    **tscam_options,
    'model.type': 'GradientClassifier',
    'model.head.threshold': 0.2,
    'test_dataloader.batch_size': 16,
}
methods = [
    dict(name='CAM', config=cam.format('cam')),
    dict(name='Hide-and-Seek', config=cam.format('has')),
    dict(name='CutMix', config=cam.format('cutmix')),
    dict(name='ADL', config=cam.format('adl')),
    dict(name='ACoL', config=cam.format('acol')),
    dict(name='SPG', config=cam.format('spg')),
    dict(name='RCAM', config=cam.format('rcam')),
    dict(name='RCAM, its own cut', config=cam.format('rcam'), checkpoint_of='RCAM', protocol='rcam'),
    dict(name='EIL', config=cam.format('eil')),
    dict(name='MEIL', config=cam.format('meil')),
    dict(name='SPA', config=cam.format('spa')),
    dict(name='DANet', config=cam.format('danet')),
    dict(name='I2C', config=cam.format('i2c')),
    dict(name='GC-Net', config=cam.format('gcnet'), start_from={'model.classifier.init_cfg.checkpoint': 'CAM'}),
    dict(name='SEM on CAM', config=cam.format('sem'), checkpoint_of='CAM'),
    dict(name='Self-correlation on CAM', config=cam.format('scg'), checkpoint_of='CAM'),
    dict(name='Backprop on CAM', config=cam.format('backprop'), checkpoint_of='CAM'),
    dict(name='Backprop and GrabCut on CAM', config=cam.format('grabcut'), checkpoint_of='CAM'),
    dict(name='Grad-CAM on CAM', config=cam.format('gradcam'), checkpoint_of='CAM'),
    dict(name='TS-CAM, DeiT-T', config=tscam, options=tscam_options),
    dict(
        name='Backprop on TS-CAM',
        config=tscam,
        checkpoint_of='TS-CAM, DeiT-T',
        options={
            **gradients,
            'model.head.refine.type': 'InputGradient',
            'model.head.refine.blur': 4.0,
            'model.head.map_kind': 'saliency',
        },
    ),
    dict(
        name='Backprop and GrabCut on TS-CAM',
        config=tscam,
        checkpoint_of='TS-CAM, DeiT-T',
        options={**gradients, 'model.head.refine.type': 'GrabCut', 'model.head.map_kind': 'grabcut'},
    ),
    dict(
        name='Grad-CAM on TS-CAM',
        config=tscam,
        checkpoint_of='TS-CAM, DeiT-T',
        options={
            **gradients,
            'model.head.refine.type': 'GradCAM',
            'model.head.refine.layer': 'layers.11.ln1',
            'model.head.map_kind': 'gradcam',
        },
    ),
    dict(
        name='SAT, DeiT-T',
        config='../sat/sat_deit-t_cub.py',
        options={**ten, 'train_dataloader.batch_size': 32},
    ),
]
