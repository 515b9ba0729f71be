from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmtscam.apis.loading import load_model
from mmtscam.registry import DATASETS

init_default_scope('mmtscam')
cfg = Config.fromfile('configs/tscam_vit-mini_sample.py')
model = load_model(cfg, 'work_dirs/tscam_vit-mini_sample/epoch_4.pth')
images = DATASETS.build(cfg.test_dataloader.dataset)
batch = model.data_preprocessor(pseudo_collate([images[0], images[1]]))
inputs, data_samples = batch['inputs'], batch['data_samples']
