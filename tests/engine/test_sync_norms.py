"""Models in which synchronised batch norms would compute something else."""

import pytest
from mmengine.registry import init_default_scope
from torch import nn

from mmtscam.engine.sync_norms import check_sync_norms
from mmtscam.registry import MODELS


def test_plain_norms():
    check_sync_norms(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.SyncBatchNorm(4), nn.LayerNorm(4)))


def test_norms_with_an_activation():
    timm = pytest.importorskip('timm')
    model = timm.create_model('efficientnet_lite0', num_classes=2)
    with pytest.raises(ValueError, match=r'^sync_bn would take what BatchNormAct2d does beside from bn1, and change'):
        check_sync_norms(model)


def test_norms_that_a_method_works_by():
    init_default_scope('mmtscam')
    backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8)
    model = MODELS.build(dict(type='mmtscam.ADLBackbone', backbone=backbone, layers=['layer1.0.bn2']))
    with pytest.raises(ValueError, match=r'^sync_bn would take hooks from layer1\.0\.bn2, and change'):
        check_sync_norms(model)
