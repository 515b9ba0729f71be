import pytest
from mmengine.config import Config

from mmtscam.models import TSCAMDeiT
from mmtscam.models.layers import ClassAttention
from mmtscam.registry import MODELS
from mmtscam.speed import model_complexity

# Parameters in M and MACs in G at 224x224, as the page of speed has them; the paper's
# Table 3 where it has the row and the number of classes that it counts.
SIZES = [
    ('tscam_deit-t_cub.py', 200, (5.87, 1.33), None),
    ('tscam_deit-s_cub.py', 200, (22.36, 4.74), None),
    ('tscam_deit-s_cub.py', 1000, (25.12, 5.29), (25.1, 5.29)),
    ('tscam_deit-b_cub.py', 200, (87.18, 17.85), None),
    ('tscam_conformer-s_cub_released.py', 200, (37.16, 10.79), None),
    ('ablations/transattention_deit-s_cub.py', 1000, (22.05, 4.61), None),
    ('cam/cam_vgg16_cub.py', 200, (19.64, 16.31), (19.6, 16.3)),
    ('cam/cam_googlenet_cub.py', 200, (11.15, 2.93), None),
    ('cam/cam_inceptionv3_cub.py', 200, (16.25, 13.37), None),
    ('cam/cam_resnet50_cub.py', 200, (23.92, 6.31), None),
]


@pytest.mark.parametrize(('name', 'classes', 'ours', 'paper'), SIZES)
@pytest.mark.slow
def test_sizes(name, classes, ours, paper, repo):
    cfg = Config.fromfile(repo / 'configs' / name)
    cfg.model.head.num_classes = classes
    size = model_complexity(cfg, (224, 224))
    counted = size['params'] / 1e6, size['macs'] / 1e9
    assert tuple(round(value, 2) for value in counted) == ours
    if paper:
        decimals = [len(str(value).partition('.')[2]) for value in paper]
        assert tuple(round(value, places) for value, places in zip(counted, decimals, strict=True)) == paper
    row = f'| {classes} | {ours[0]:.2f} M, {ours[1]:.2f} G |'
    assert row in (repo / 'mmtscam/speed/SIZE.md').read_text('utf-8')


def test_a_small_model_counted_by_hand(tiny_config):
    size = model_complexity(tiny_config, (96, 96))
    model = MODELS.build(tiny_config.model)
    assert size['params'] == sum(parameter.numel() for parameter in model.parameters())

    width, depth, hidden, classes, patch = 32, 2, 64, 8, 8
    patches = (96 // patch) ** 2
    tokens = patches + 1
    embedding = patches * 3 * patch**2 * width
    block = tokens * width * (3 * width + width + 2 * hidden) + 2 * tokens**2 * width
    conv = patches * 9 * width * classes
    norms = (2 * depth + 1) * 5 * tokens * width  # five operations an element, as the counter has it
    logits = 9 * width * classes  # from sums of tokens
    assert size['macs'] == embedding + depth * block + conv + logits + norms


def test_attention_is_counted_whatever_computes_it(tiny_config):
    sizes = []
    for attn_impl in ('fused', 'explicit'):
        tiny_config.model.backbone.attn_impl = attn_impl
        sizes.append(model_complexity(tiny_config, (96, 96)))
    assert sizes[0] == sizes[1]


def test_attention_of_every_block_is_counted(tiny_config):
    whole = model_complexity(tiny_config, (96, 96))
    tiny_config.model.backbone.attn_layers = [-1]
    assert model_complexity(tiny_config, (96, 96)) == whole


def test_attention_of_a_users_backbone_stays_its_own_and_is_counted(tiny_config):
    class Doubled(ClassAttention):
        def forward(self, query, key, value, dropout_p=0.0):
            return super().forward(query, key, 2 * value, dropout_p)

    class Backbone(TSCAMDeiT):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.layers[-1].attn.scaled_dot_product_attention = Doubled()

        def forward(self, x):
            feats = super().forward(x)
            assert type(self.layers[-1].attn.scaled_dot_product_attention) is Doubled
            return feats

    whole = model_complexity(tiny_config, (96, 96))
    tiny_config.model.backbone.type = Backbone
    counted = model_complexity(tiny_config, (96, 96))
    assert counted['params'] == whole['params']
    assert whole['macs'] <= counted['macs'] < 1.01 * whole['macs']


def test_the_config_stays_as_it_is(tiny_config):
    before = tiny_config.pretty_text
    model_complexity(tiny_config, (96, 96))
    assert tiny_config.pretty_text == before


def test_a_larger_input_costs_more(tiny_config):
    tiny_config.model.backbone.img_size = 64
    small = model_complexity(tiny_config, (64, 64))
    tiny_config.model.backbone.img_size = 128
    large = model_complexity(tiny_config, (128, 128))
    assert large['macs'] > 4 * small['macs']
