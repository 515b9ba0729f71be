"""A head in the manner of SAT: one map for all classes, which the backbone makes and two losses shape."""

import torch.nn.functional as F
from torch import nn

from mmtscam.models import BaseLocHead, check_tokens
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind


@MODELS.register_module()
class ForegroundHead(BaseLocHead):
    map_kinds = (
        MapKind('foreground', 'foreground map', class_agnostic=True),
        MapKind('attention', 'attention A*', class_agnostic=True),
    )

    def __init__(self, num_classes, in_channels, area=0.25, **kwargs):
        super().__init__(num_classes, **kwargs)
        self.conv = nn.Conv2d(in_channels, num_classes, kernel_size=3, padding=1)
        self.area = area

    def prepare(self, feats):
        return check_tokens(self, feats, self.conv.in_channels)

    def logits(self, feats):
        return self.conv(feats.patches).mean(dim=(2, 3)).float()

    def maps(self, feats, labels=None):
        return dict(foreground=feats.further_map('foreground'), attention=feats.mean_attention())

    def extra_losses(self, feats, data_samples):
        foreground = feats.further_map('foreground')
        smooth = F.avg_pool2d(foreground, kernel_size=3, stride=1, padding=1)
        return dict(
            loss_area=(foreground.mean() - self.area).abs(),
            loss_norm=(smooth * (1 - smooth)).mean(),
        )
