"""Files of other libraries give the features of the network that they were made from.

timm and torchvision compute. The names of transformers and DINOv2 are
written down here once more, as their files have them.
"""

import re

import pytest
import timm
import torch
import torchvision
from mmengine.config import Config
from safetensors.torch import save_file
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from tscam_models import randomise

from mmtscam.apis.loading import load_model
from mmtscam.models.checkpoints import load_pretrained, our_names, reference_to_mmtscam
from mmtscam.registry import MODELS

WIDTH, CLASSES = 24, 5
ARCH = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=48)
BACKBONE = dict(type='TSCAMDeiT', arch=ARCH, img_size=32, patch_size=8)
SCALED = dict(layer_scale_init_value=0.5)


def timm_network(kind=VisionTransformer, **kwargs):
    sizes = dict(img_size=32, patch_size=8, embed_dim=WIDTH, depth=2, num_heads=2, mlp_ratio=2, num_classes=CLASSES)
    network = kind(**sizes, **kwargs).eval()
    randomise(network)
    return network


def pieces(state):
    """Queries, keys and values apart."""
    for name, value in state.items():
        if 'attn.qkv' in name:
            for part, piece in zip('qkv', value.chunk(3), strict=True):
                yield name.replace('qkv', part), piece
        else:
            yield name, value


def renamed(state, rules):
    for pattern, new in rules.items():
        state = {re.sub(pattern, new, name): value for name, value in state.items()}
    return state


OUTSIDE = {
    r'^(cls_token|register_tokens|mask_token)$': r'embeddings.\1',
    r'^dist_token$': 'embeddings.distillation_token',
    r'^pos_embed$': 'embeddings.position_embeddings',
    r'^patch_embed\.proj\.': 'embeddings.patch_embeddings.projection.',
    r'^norm\.': 'layernorm.',
}
FILES = {
    **OUTSIDE,
    r'^blocks\.': 'encoder.layer.',
    r'\.attn\.proj\.': '.attention.output.dense.',
    r'\.attn\.q\.': '.attention.attention.query.',
    r'\.attn\.k\.': '.attention.attention.key.',
    r'\.attn\.v\.': '.attention.attention.value.',
}
VIT_FILES = {
    **FILES,
    r'\.norm1\.': '.layernorm_before.',
    r'\.norm2\.': '.layernorm_after.',
    r'\.mlp\.fc1\.': '.intermediate.dense.',
    r'\.mlp\.fc2\.': '.output.dense.',
}
DINOV2_FILES = {**FILES, r'\.ls(\d)\.gamma$': r'.layer_scale\1.lambda1'}
# The names in memory of version 5.
VIT_5 = {
    **OUTSIDE,
    r'^blocks\.': 'layers.',
    r'\.attn\.proj\.': '.attention.o_proj.',
    r'\.attn\.([qkv])\.': r'.attention.\1_proj.',
    r'\.norm1\.': '.layernorm_before.',
    r'\.norm2\.': '.layernorm_after.',
}


def transformers(network, rules, prefix, *beside):
    """The names of transformers; the classifiers stand beside the network."""
    state = dict(pieces(network.state_dict()))
    heads = {name: state.pop(name) for name in list(state) if name.startswith('head')}
    state = {f'{prefix}{name}': value for name, value in renamed(state, rules).items()}
    for source, target in zip(('head', 'head_dist'), beside, strict=False):
        state |= {f'{target}.{each}': heads[f'{source}.{each}'] for each in ('weight', 'bias')}
    return state


def dinov2(network, chunked=False):
    """The names of DINOv2: the class token has a position, blocks may lie in chunks by their own indices."""
    state = dict(network.state_dict())
    shift = torch.randn(1, 1, WIDTH)
    state['pos_embed'] = torch.cat([shift, state['pos_embed']], dim=1)
    state['cls_token'] = state['cls_token'] - shift
    if 'reg_token' in state:
        state['register_tokens'] = state.pop('reg_token')
    state |= {'mask_token': torch.zeros(1, WIDTH)}
    state = {name: value for name, value in state.items() if not name.startswith('head.')}
    return renamed(state, {r'^blocks\.(\d+)\.': r'blocks.\1.\1.'} if chunked else {})


def plain():
    network = timm_network()
    return network, network.state_dict(), {}


def scaled():
    network = timm_network(init_values=0.5)
    return network, network.state_dict(), SCALED


def deit3_names():
    network = timm_network(init_values=0.5, no_embed_class=True)
    return network, renamed(network.state_dict(), {r'ls(\d)\.gamma': r'gamma_\1'}), SCALED


def registers():
    network = timm_network(init_values=0.5, no_embed_class=True, reg_tokens=4)
    return network, network.state_dict(), SCALED | dict(num_registers=4)


def registers_with_places():
    network = timm_network(reg_tokens=4)
    return network, network.state_dict(), dict(num_registers=4)


def distilled():
    network = timm_network(VisionTransformerDistilled)
    return network, network.state_dict(), dict(num_registers=1)


def dinov2_hub():
    network = timm_network(init_values=0.5, no_embed_class=True)
    return network, dinov2(network), SCALED


def dinov2_training():
    """A checkpoint of its training: the teacher in chunks, with the head of pretraining."""
    network = timm_network(init_values=0.5, no_embed_class=True, reg_tokens=4)
    state = {f'backbone.{name}': value for name, value in dinov2(network, chunked=True).items()}
    state |= {'dino_head.mlp.0.weight': torch.ones(2, 2), 'dino_head.last_layer.weight': torch.ones(2, 2)}
    return network, {'teacher': state, 'iteration': 5}, SCALED | dict(num_registers=4)


def vit_file():
    network = timm_network()
    return network, transformers(network, VIT_FILES, 'vit.', 'classifier'), {}


def vit_file_with_pooler():
    network = timm_network()
    return network, transformers(network, VIT_FILES, '') | {'pooler.dense.weight': torch.ones(2, 2)}, {}


def vit_state_of_version_5():
    network = timm_network()
    return network, transformers(network, VIT_5, 'vit.', 'classifier'), {}


def deit_file():
    network = timm_network()
    return network, transformers(network, VIT_FILES, 'deit.', 'classifier'), {}


def distilled_deit_file():
    network = timm_network(VisionTransformerDistilled)
    beside = ('cls_classifier', 'distillation_classifier')
    return network, transformers(network, VIT_FILES, 'deit.', *beside), dict(num_registers=1)


def dinov2_file():
    network = timm_network(init_values=0.5, no_embed_class=True, reg_tokens=4)
    source = dinov2(network)
    state = {
        f'dinov2_with_registers.{name}': each for name, each in renamed(dict(pieces(source)), DINOV2_FILES).items()
    }
    return network, state, SCALED | dict(num_registers=4)


def torchvision_vit():
    sizes = dict(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=WIDTH, mlp_dim=48)
    network = torchvision.models.VisionTransformer(**sizes, num_classes=CLASSES).eval()
    randomise(network)
    return network, network.state_dict(), {}


def wrapped():
    """By torch.compile, by it within DataParallel, and as a part of Lightning's module."""
    network = timm_network()
    names = {f'module._orig_mod.model.{name}': value for name, value in network.state_dict().items()}
    return network, {'state_dict': names}, {}


SOURCES = [
    plain, scaled, deit3_names, registers, registers_with_places, distilled, dinov2_hub, dinov2_training, vit_file,
    vit_file_with_pooler, vit_state_of_version_5, deit_file, distilled_deit_file, dinov2_file, torchvision_vit, wrapped,
]  # fmt: skip


def store(content, folder, ending):
    path = folder / f'weights.{ending}'
    if ending == 'safetensors':
        save_file({name: value.contiguous().clone() for name, value in content.items()}, path)
    else:
        torch.save(content, path)
    return str(path)


def tokens_of(network, images):
    """Class token and patch tokens after the final norm."""
    if isinstance(network, VisionTransformer):
        tokens = network.forward_features(images)
        return tokens[:, 0], tokens[:, network.num_prefix_tokens :]
    patches = network._process_input(images)
    tokens = network.encoder(torch.cat([network.class_token.expand(len(patches), -1, -1), patches], dim=1))
    return tokens[:, 0], tokens[:, 1:]


@pytest.mark.parametrize('source', SOURCES)
def test_features_are_those_of_the_source(source, tmp_path):
    network, content, settings = source()
    bare = all(isinstance(value, torch.Tensor) for value in content.values())
    images = torch.randn(2, 3, 32, 32)
    for ending in ('pth', 'safetensors') if bare else ('pth',):
        backbone = MODELS.build({**BACKBONE, **settings}).eval()
        load_pretrained(backbone, store(content, tmp_path, ending))
        with torch.no_grad():
            feats = backbone(images)
            token, patches = tokens_of(network, images)
        torch.testing.assert_close(feats.token, token, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(feats.patches.flatten(2).mT, patches, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('source', [plain, vit_file, torchvision_vit, scaled])
def test_a_whole_classifier_gives_the_logits_of_the_source(source, tmp_path):
    """Without a conversion before it, and with one."""
    network, content, settings = source()
    config = Config(
        dict(
            model=dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
                backbone={**BACKBONE, **settings},
                head=dict(type='ClassTokenHead', num_classes=CLASSES, in_channels=WIDTH),
            )
        )
    )
    path = store(content, tmp_path, 'safetensors')
    reference_to_mmtscam(path, tmp_path / 'ours.pth')
    images = torch.randn(2, 3, 32, 32)
    for file in (path, tmp_path / 'ours.pth'):
        with torch.no_grad():
            torch.testing.assert_close(load_model(config, file)(images), network(images), rtol=1e-4, atol=1e-5)


def test_parts_after_the_backbone_are_refused_in_a_whole_model():
    """Their logits would be others without a word."""
    network = timm_network(global_pool='avg', fc_norm=True)
    assert 'head.fc_norm.weight' in our_names(network.state_dict())


def test_networks_that_are_not_known_keep_their_names():
    for network in ('swin_tiny_patch4_window7_224', 'tf_efficientnet_lite0', 'resnet18', 'convnext_atto'):
        with torch.device('meta'):
            state = timm.create_model(network).state_dict()
        assert list(our_names(state)) == list(state)


def test_resnet_of_transformers(tmp_path):
    network = torchvision.models.resnet50(num_classes=CLASSES)
    rules = {
        r'^conv1\.': 'resnet.embedder.embedder.convolution.',
        r'^bn1\.': 'resnet.embedder.embedder.normalization.',
        r'^layer1\.': 'resnet.encoder.stages.0.layers.',
        r'^layer2\.': 'resnet.encoder.stages.1.layers.',
        r'^layer3\.': 'resnet.encoder.stages.2.layers.',
        r'^layer4\.': 'resnet.encoder.stages.3.layers.',
        r'\.downsample\.0\.': '.shortcut.convolution.',
        r'\.downsample\.1\.': '.shortcut.normalization.',
        r'\.(conv|bn)1\.': r'.layer.0.\1.',
        r'\.(conv|bn)2\.': r'.layer.1.\1.',
        r'\.(conv|bn)3\.': r'.layer.2.\1.',
        r'\.conv\.': '.convolution.',
        r'\.bn\.': '.normalization.',
        r'^fc\.': 'classifier.1.',
    }
    state = network.state_dict()
    backbone = MODELS.build(dict(type='CAMResNet', depth=50))
    load_pretrained(backbone, store(renamed(state, rules), tmp_path, 'safetensors'))
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())
