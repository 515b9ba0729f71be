"""A head in the manner of SCM: attention spreads among patches that look alike, and training sees the result."""

import torch
import torch.nn.functional as F
from torch import nn

from mmtscam.models import BaseLocHead, check_tokens
from mmtscam.registry import MODELS
from mmtscam.structures import MapKind


@MODELS.register_module()
class CalibratedHead(BaseLocHead):
    map_kinds = (MapKind('calibrated', 'calibrated map'), MapKind('semantic', 'semantic map'))

    def __init__(self, num_classes, in_channels, **kwargs):
        super().__init__(num_classes, **kwargs)
        self.conv = nn.Conv2d(in_channels, num_classes, kernel_size=3, padding=1)

    def prepare(self, feats):
        feats = check_tokens(self, feats, self.conv.in_channels)
        attention = feats.mean_attention()  # (B, h, w)
        patches = F.normalize(feats.patches.float().flatten(2), dim=1)
        alike = (patches.transpose(1, 2) @ patches).relu()  # (B, N, N)
        spread = (alike @ attention.flatten(1).unsqueeze(2)).view_as(attention)
        semantic = self.conv(feats.patches).float()
        return semantic, semantic * (spread / spread.amax(dim=(1, 2), keepdim=True)).unsqueeze(1)

    def logits(self, feats):
        return feats[0].mean(dim=(2, 3))

    def maps(self, feats, labels=None):
        if labels is not None:
            feats = [torch.take_along_dim(maps, labels[..., None, None], dim=1) for maps in feats]
        return dict(calibrated=feats[1], semantic=feats[0])

    def extra_losses(self, feats, data_samples):
        truth = torch.cat([sample.gt_label for sample in data_samples])
        return dict(loss_calibrated=F.cross_entropy(feats[1].mean(dim=(2, 3)), truth))
