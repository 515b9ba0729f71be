# ruff: noqa: F821 - the names are those of the page
cfg.merge_from_dict({'model.backbone.attention': 'always', 'model.head.type': 'SharpHead'})
assert 0 < MODELS.build(cfg.model).loss(inputs, data_samples)['loss_sharp'] < 0.1
for backbone, kind in (('NormDeiT', 'norm'), ('PropagatingDeiT', 'propagated')):
    cfg.model.backbone.update(type=backbone, init_cfg=None)
    maps = MODELS.build(cfg.model.backbone).eval()(inputs).maps[kind]
    assert maps.shape in ((2, 10, 10), (2, 6, 10, 10)) and maps.min() < maps.max()
metric = METRICS.build(dict(type='MeanIoU', protocol='tscam'))
metric.dataset_meta = images.metainfo
metric.process({}, [sample.to_dict() for sample in samples])
assert 0 <= metric.evaluate(2)['tscam/mean_iou'] <= 100
