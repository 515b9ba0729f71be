# ruff: noqa: F821 - the names are those of the page
from mmengine.registry import init_default_scope

from mmtscam.registry import MODELS

init_default_scope('mmtscam')
config.model.backbone.init_cfg = None
assert type(MODELS.build(config.model).head).__name__ == 'GatedHead'
