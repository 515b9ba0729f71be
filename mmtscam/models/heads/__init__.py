"""Heads, which make classes, maps and boxes from features."""

from .acol_head import ACoLHead
from .adl_head import ADLHead
from .base_loc_head import BaseLocHead
from .cam_head import CAMHead
from .class_token_head import ClassTokenHead
from .danet_head import DANetHead
from .eil_head import EILHead
from .features import check_feature_maps, check_tokens
from .i2c_head import I2CHead
from .lctr_head import LCTRHead
from .loc_settings import LocSettings
from .localize import localize
from .logits_head import LogitsHead
from .pending_samples import PendingSamples
from .rcam_head import RCAMHead
from .sat_head import SATHead
from .scm_head import SCMHead
from .shape_features import ShapeFeatures
from .shape_head import ShapeHead
from .spa_head import SPAHead
from .spg_head import SPGHead
from .trilite_head import TriLiteHead
from .tscam_head import TSCAMHead

__all__ = [
    'ACoLHead',
    'ADLHead',
    'BaseLocHead',
    'CAMHead',
    'ClassTokenHead',
    'DANetHead',
    'EILHead',
    'I2CHead',
    'LCTRHead',
    'LocSettings',
    'LogitsHead',
    'PendingSamples',
    'RCAMHead',
    'SATHead',
    'SCMHead',
    'SPAHead',
    'SPGHead',
    'ShapeFeatures',
    'ShapeHead',
    'TSCAMHead',
    'TriLiteHead',
    'check_feature_maps',
    'check_tokens',
    'localize',
]
