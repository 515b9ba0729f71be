"""The backbone of TS-CAM and the simple feature pyramid within a detector of mmdet."""

import math
from pathlib import Path

import compiled_ops  # noqa: F401
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmtscam.models import SimpleFeaturePyramid

CONFIG = Path(__file__).resolve().parents[2] / 'configs/mmdet/faster-rcnn_tscam-deit-t_sfp_cub10_pseudo.py'
# The settings of the golden small model of the reference.
SMALL = dict(embed_dims=36, num_layers=3, num_heads=3, feedforward_channels=144)


class GatedPyramid(SimpleFeaturePyramid):
    """A user's neck: patch tokens weighted with class attention, where there is any."""

    gates: list

    def forward(self, feats):
        self.gates = [] if feats.attention is None else [feats.attention.mean(dim=1, keepdim=True)]
        for gate in self.gates:
            feats = feats._replace(patches=feats.patches * gate / gate.amax(dim=(2, 3), keepdim=True))
        return super().forward(feats)


def build(neck='mmtscam.SimpleFeaturePyramid', divisor=32, **kwargs):
    """The config's detector, small, in evaluation."""
    from mmdet.registry import MODELS

    cfg = Config.fromfile(CONFIG)
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.update({'arch': SMALL, 'init_cfg': None, **kwargs})
    cfg.model.neck.update(type=neck, in_channels=36)
    cfg.model.data_preprocessor.pad_size_divisor = divisor
    return MODELS.build(cfg.model).eval()


def batch(*sizes):
    """Images of these heights and widths, each with a box."""
    from mmdet.structures import DetDataSample

    samples = []
    for height, width in sizes:
        meta = dict(img_shape=(height, width), ori_shape=(height, width), scale_factor=(1.0, 1.0))
        boxes = torch.tensor([[0.1 * width, 0.2 * height, 0.8 * width, 0.9 * height]])
        instances = InstanceData(bboxes=boxes, labels=torch.tensor([3]))
        samples.append(DetDataSample(metainfo=meta, gt_instances=instances))
    return dict(inputs=[torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes], data_samples=samples)


def loss_of(detector, *sizes):
    data = detector.data_preprocessor(batch(*sizes), training=True)
    return detector.parse_losses(detector(**data, mode='loss'))[0]


@pytest.mark.parametrize('divisor', [16, 32])
@pytest.mark.parametrize('sizes', [[(64, 64)], [(50, 90), (71, 33)], [(17, 100), (16, 16)]])
def test_images_of_any_size(divisor, sizes):
    detector = build(divisor=divisor)
    padded = [divisor * math.ceil(max(sides) / divisor) for sides in zip(*sizes, strict=True)]
    data = detector.data_preprocessor(batch(*sizes))
    assert list(data['inputs'].shape[-2:]) == padded
    rows, columns = (side // 16 for side in padded)
    levels = detector.extract_feat(data['inputs'])
    assert [level.shape[-2:] for level in levels] == [
        (math.ceil(rows * scale), math.ceil(columns * scale)) for scale in (4, 2, 1, 1 / 2, 1 / 4)
    ]
    for sample, (height, width) in zip(detector.test_step(batch(*sizes)), sizes, strict=True):
        assert bool((sample.pred_instances.bboxes <= torch.tensor([width, height] * 2)).all())
    detector.train()
    loss = loss_of(detector, *sizes)
    assert bool(torch.isfinite(loss))
    loss.backward()
    for part in (detector.backbone, detector.neck):
        assert all(parameter.grad is not None for parameter in part.parameters())


def test_images_that_are_not_padded_to_whole_patches():
    detector = build(divisor=1)
    with pytest.raises(
        ValueError, match=r'71x90 input: .* \(in a detector set data_preprocessor.pad_size_divisor to 16\)'
    ):
        detector.test_step(batch((50, 90), (71, 33)))


@pytest.mark.parametrize('img_size', [64, 128, (96, 160)])
def test_original_deit_weights(img_size, golden_small, tmp_path):
    original = {
        name.removeprefix('state:'): torch.from_numpy(value)
        for name, value in golden_small.items()
        if name.startswith('state:')
    }
    torch.save({'model': original}, tmp_path / 'deit.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'deit.pth'))
    detector = build(img_size=img_size, init_cfg=init_cfg)
    detector.init_weights()
    backbone = detector.backbone
    assert torch.equal(backbone.layers[2].ffn.layers[0][0].weight, original['blocks.2.mlp.fc1.weight'])
    assert torch.equal(backbone.ln1.bias, original['norm.bias'])
    rows, columns = (side // 16 for side in (img_size if isinstance(img_size, tuple) else (img_size, img_size)))
    assert backbone.pos_embed.shape == (1, 1 + rows * columns, 36)
    grid = original['pos_embed'][:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(rows, columns), mode='bicubic', align_corners=False)
    torch.testing.assert_close(backbone.pos_embed[:, 1:], grid.flatten(2).mT)


def test_missing_weights_name_the_setting(tmp_path):
    detector = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'none.pth')))
    with pytest.raises(FileNotFoundError, match=r'or set model\.backbone\.init_cfg\.checkpoint to the path'):
        detector.init_weights()


def test_attention_in_evaluation():
    detector = build(neck=GatedPyramid)
    inputs = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        attention = detector.backbone(inputs).attention
        assert attention.shape == (2, 3, 4, 6)
        detector.extract_feat(inputs)
    assert torch.equal(detector.neck.gates[0], attention.mean(dim=1, keepdim=True))
    detector.test_step(batch((64, 96)))
    assert detector.neck.gates[0].shape == (1, 1, 4, 6)


def test_attention_of_a_frozen_backbone_in_training():
    """Where only the backbone is in evaluation, a neck can use its attention while the detector learns."""
    detector = build(neck=GatedPyramid)
    detector.train()
    loss_of(detector, (64, 96)).backward()
    assert not detector.neck.gates
    detector.zero_grad()

    detector.backbone.eval()
    detector.backbone.requires_grad_(False)
    loss = loss_of(detector, (64, 96))
    assert detector.training
    assert detector.neck.gates[0].shape == (1, 1, 4, 6)
    loss.backward()
    assert all(parameter.grad is None for parameter in detector.backbone.parameters())
    assert all(parameter.grad is not None for parameter in detector.neck.parameters())


def test_frozen_stages():
    """mmpretrain's own setting freezes blocks; attention comes in evaluation as ever."""
    detector = build(frozen_stages=3)
    detector.train()
    loss_of(detector, (64, 64)).backward()
    assert all(parameter.grad is None for parameter in detector.backbone.parameters())
    detector.eval()
    assert detector.backbone(torch.randn(1, 3, 64, 64)).attention.shape == (1, 3, 4, 4)
