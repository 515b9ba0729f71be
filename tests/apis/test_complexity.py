import copy

import pytest
from mmengine.config import Config

from mmtscam.apis import model_complexity
from mmtscam.registry import MODELS


@pytest.fixture(scope='module')
def deit_small(repo):
    return Config.fromfile(repo / 'configs' / 'tscam_deit-s_cub.py')


def test_the_published_size_of_1000_classes(deit_small):
    cfg = copy.deepcopy(deit_small)
    cfg.model.head.num_classes = 1000
    size = model_complexity(cfg, (224, 224))
    assert round(size['params'] / 1e6, 1) == 25.1
    assert round(size['macs'] / 1e9, 2) == 5.29


def test_the_published_size_of_200_classes(deit_small):
    assert round(model_complexity(deit_small, (224, 224))['params'] / 1e6, 2) == 22.36


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
    assert size['macs'] == embedding + depth * block + conv + norms


def test_attention_is_counted_whatever_computes_it(tiny_config):
    sizes = []
    for attn_impl in ('fused', 'explicit'):
        tiny_config.model.backbone.attn_impl = attn_impl
        sizes.append(model_complexity(tiny_config, (96, 96)))
    assert sizes[0] == sizes[1]


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
